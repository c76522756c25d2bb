"""What the YAML may say: one frozen dataclass per section, in the final shape of the interface.

Each field carries its limits as metadata (see `agent.config.fields`), so that the loader, the JSON Schema and the docs
cannot disagree.
"""
