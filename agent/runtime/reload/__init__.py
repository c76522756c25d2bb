"""The config while the daemon runs: edited, applied from afar, tried, taken back.

    watched ─► edition (load, check) ─► attempt (build, probe, swap) ─► kept (what runs next time)
                                   └─► trial: what came from afar must prove itself

`Reload` drives all of it on the main thread, a short step at a time.
"""
