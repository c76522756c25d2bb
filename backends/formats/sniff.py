"""Tells by content, never by suffix alone, what a model file is; names the way out of what we do not read."""

from __future__ import annotations

import contextlib
import errno
import os
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING

from backends.contract import ArtifactError
from backends.file_mode import file_mode
from backends.formats import engine, onnx, openvino, tensorflow, tflite
from backends.formats.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from backends.formats.modelfile import ModelFile

_UNFORESEEN = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
_EXPORT = "YOLO weights are exported with: vedette models export {name} --for jetson, coral or cpu"


def read_model(path: Path) -> ModelFile:
    """What the file (or the folder of an OpenVINO export) says of itself. Opens and closes it.

    Raises ArtifactError for what is missing, unreadable, damaged, of an unknown or of a refused format.
    """
    with refusing(path), Window(_inside(path)) as window:
        return _reader(window)(window)


@contextlib.contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Whatever a file claims is an ArtifactError: an edit that names it is refused, and the daemon runs on."""
    try:
        yield
    except (MemoryError, RecursionError, OverflowError, OSError) as error:
        raise ArtifactError(f"{path}: cannot be read: {str(error) or type(error).__name__}") from error
    except _UNFORESEEN as error:
        raise ArtifactError(f"{path}: cannot be read: {type(error).__name__}: {error}") from error


def _inside(path: Path) -> Path:
    try:
        kind = file_mode(path)
        if S_ISDIR(kind):
            found = sorted(path.glob("*.xml"))
            if len(found) != 1:
                raise ArtifactError(f"{path}: is a folder with {len(found)} .xml files; name the model file itself")
            return found[0]
        if not kind:
            raise ArtifactError(f"{path}: cannot be read: {os.strerror(errno.ENOENT)}")
        if not S_ISREG(kind):
            raise ArtifactError(f"{path}: is not a model file, but a device, a pipe or a socket")
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: cannot be read: {error}") from error
    return path


def _reader(window: Window) -> Callable[[Window], ModelFile]:
    head = window.head(4096)
    _refuse(window, head)
    if head[4:8] == b"TFL3":
        return tflite.read
    if engine.looks_like(head, window.path):
        return engine.read
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"<?xml", b"<net")):
        return openvino.read
    if window.path.suffix.lower() == ".xml":
        raise ArtifactError(f"{window.path}: is not an OpenVINO IR: it does not start as XML")
    # A ModelProto begins with its IR version (field 1, a number), a GraphDef with a node (field 1, bytes).
    if head[:1] == b"\x0a" and window.path.suffix.lower() != ".onnx":
        return tensorflow.read
    if head[:1] in {b"\x08", b"\x12", b"\x3a", b"\x0a"}:
        return onnx.read
    raise ArtifactError(
        f"{window.path}: is not a known model file: it is neither ONNX, OpenVINO IR, TFLite, a TensorFlow "
        "frozen graph nor a TensorRT engine of Ultralytics"
    )


def _refuse(window: Window, head: bytes) -> None:
    name = window.path.name
    suffix = window.path.suffix.lower()
    reason = ""
    if not head:
        reason = "is empty"
    elif head.startswith(b"PK\x03\x04") or (head[:1] == b"\x80" and suffix in {".pt", ".pth", ".pkl", ".ckpt"}):
        reason = "is a pickle or an archive of pickles, which is code and never loaded; " + _EXPORT.format(name=name)
    elif suffix in {".pt", ".pth"}:
        reason = "is named like a PyTorch checkpoint, which is never loaded; " + _EXPORT.format(name=name)
    elif head.startswith(b"\x89HDF"):
        reason = "is a Keras HDF5 file; convert it to TFLite or ONNX"
    elif head.startswith(b"version https://git-lfs"):
        reason = "is a Git LFS pointer, not the model: run git lfs pull where it comes from"
    elif head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        reason = "is a web page, not a model: what was downloaded is likely a login or an error page"
    if reason:
        raise ArtifactError(f"{window.path}: {reason}")
