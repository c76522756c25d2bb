"""The config while the daemon runs: edited, applied over MQTT, tried, taken back.

    watched ─► revision (load, check) ─► attempt (build, probe, swap) ─► saved_configs (what runs next time)
                                    └─► trial: what came over MQTT must prove itself

`Reload` drives all of it on the main thread, a short step at a time.
"""
