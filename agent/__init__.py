"""Vedette's daemon: capture, dispatch, perception, publish, and the runtime that joins them."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("vedette")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0"
