"""Engines behind one contract. Nothing here imports `agent`; nothing heavy is imported by this package's top."""
