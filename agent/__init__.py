"""Vedette's daemon: capture, dispatch, perception, publish, and the runtime that joins them."""

__version__: str


def __getattr__(name: str) -> str:
    """`__version__`, once it is asked for: to find it out takes as long as all else of a start."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("vedette")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0"
