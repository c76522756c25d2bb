"""Sources for real: files, a local TLS server, and pip with a wheel made here."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.server
import os
import shutil
import ssl
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from backends.contract import FetchError
from backends.models.fetch import fetch

CONTENT = bytes(range(256)) * 4096
SHA = hashlib.sha256(CONTENT).hexdigest()


def quiet(_phase, _done):
    pass


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "target"
    folder.mkdir()
    return folder / "model.bin"


def nothing_left(target):
    return list(target.parent.iterdir()) == []


def test_a_file_comes_whole(tmp_path, target):
    source = tmp_path / "a file.bin"
    source.write_bytes(CONTENT)
    seen = []
    fetch(source.as_uri(), target, SHA, lambda phase, done: seen.append((phase, done)))
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]
    assert seen[-1] == ("download", 1.0)
    assert [done for _, done in seen] == sorted(done for _, done in seen)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("http://localhost/x", "no such kind of source; https:, file: and pypi: are possible"),
        ("ftp://x/y", "no such kind of source"),
        ("file:/no/such/file", r"file:/no/such/file: cannot be read: No such file"),
        ("file:/", "cannot be read"),
        ("pypi:dist!member", r"is not pypi:<dist>==<version>!<path in the wheel>"),
        ("pypi:-r==1!x", "is not pypi:"),
        ("pypi:a b==1!x", "is not pypi:"),
    ],
)
def test_refused_sources(target, source, says, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(FetchError, match=says):
        fetch(source, target, SHA, quiet)
    assert nothing_left(target)


def test_a_wrong_sha256_leaves_what_was_there(tmp_path, target):
    (tmp_path / "s").write_bytes(b"changed")
    target.write_bytes(b"old")
    with pytest.raises(FetchError, match=rf"its sha256 is [0-9a-f]{{64}}, expected {SHA}.*nothing was kept"):
        fetch(f"file:{tmp_path / 's'}", target, SHA, quiet)
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_too_large(tmp_path, target, monkeypatch):
    monkeypatch.setattr("backends.models.fetch.MAX_BYTES", 1000)
    (tmp_path / "s").write_bytes(CONTENT)
    with pytest.raises(FetchError, match="more than 1000 bytes, the limit of a model"):
        fetch(f"file:{tmp_path / 's'}", target, SHA, quiet)
    assert nothing_left(target)


def in_child(source, target, before):
    """fetch() in a process of its own, after `before`."""
    code = (
        f"import resource, signal, sys\nfrom pathlib import Path\n{before}\nfrom backends.models.fetch import fetch\n"
        "try:\n    fetch(sys.argv[1], Path(sys.argv[2]), sys.argv[3], lambda p, d: None)\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    root = Path(__file__).parents[4]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", code, source, str(target), SHA]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment).stdout


def test_a_full_disk_leaves_nothing(tmp_path, target):
    (tmp_path / "s").write_bytes(CONTENT)
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))"
    said = in_child(f"file:{tmp_path / 's'}", target, limit)
    assert said.startswith(f"FetchError {target}: cannot be written: File too large; make room, or name another")
    assert nothing_left(target)


@pytest.mark.rooted
def test_a_tiny_file_system_leaves_nothing(tmp_path, target):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", target.parent], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted here (needs root)")
    try:
        (tmp_path / "s").write_bytes(CONTENT)
        with pytest.raises(FetchError, match="cannot be written: No space left on device; make room"):
            fetch(f"file:{tmp_path / 's'}", target, SHA, quiet)
        assert nothing_left(target)
        subprocess.run(["mount", "-o", "remount,ro", target.parent], check=True)
        with pytest.raises(FetchError, match="cannot be written: Read-only file system"):
            fetch(f"file:{tmp_path / 's'}", target, SHA, quiet)
    finally:
        subprocess.run(["umount", target.parent], check=True)


def test_no_folder_to_write_to(tmp_path):
    (tmp_path / "s").write_bytes(CONTENT)
    with pytest.raises(FetchError, match=r"missing/m: cannot be written: No such file.*VEDETTE_MODELS"):
        fetch(f"file:{tmp_path / 's'}", tmp_path / "missing" / "m", SHA, quiet)


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/to"):
            self.send_response(302)
            where = "http://localhost:1/x" if self.path == "/to-http" else "/good"
            self.send_header("Location", where)
            self.end_headers()
        elif self.path == "/strange":
            self.wfile.write(b"SSH-2.0-nothing of ours\r\n")
        elif self.path == "/long":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000 + b"\r\n\r\n")
        elif self.path == "/drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx")
            self.rfile.read()  # until the other side has gone
        elif self.path == "/open":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CONTENT) + CONTENT)
            self.rfile.read()
        elif self.path == "/gone":
            self.send_error(404, "Not here")
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(CONTENT[: 100000 if self.path == "/short" else None])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem",
         "-out", folder / "cert.pem"],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    return folder


@pytest.fixture
def server(certificate, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    httpd = http.server.ThreadingHTTPServer(("localhost", 0), Server)
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    httpd.handle_error = lambda *_: None
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"https://localhost:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()
    thread.join(10)


@pytest.mark.parametrize("path", ["/good", "/to-good", "/open"])
def test_https(server, certificate, target, monkeypatch, path):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    fetch(f"{server}{path}", target, SHA, quiet)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/short", f"broke off after 100000 of {len(CONTENT)} bytes"),
        ("/gone", "the server answered 404 Not here"),
        ("/strange", "no connection: SSH-2.0-nothing of ours"),
        ("/long", "no connection: got more than 65536 bytes when reading header line"),
        ("/to-http", "leads to http://localhost:1/x, which is not https"),
    ],
)
def test_https_failures(server, certificate, target, monkeypatch, path, says):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    with pytest.raises(FetchError, match=says):
        fetch(f"{server}{path}", target, SHA, quiet)
    assert nothing_left(target)


def test_https_that_drips_is_held_to_the_limit(server, certificate, target, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    monkeypatch.setattr("backends.models.fetch.TOTAL_SECONDS", 0.0)
    with pytest.raises(FetchError, match=r"not done after 0 s \(1 bytes\)"):
        fetch(f"{server}/drip", target, SHA, quiet)
    assert nothing_left(target)


def test_https_of_a_stranger_is_refused(server, target):
    with pytest.raises(FetchError, match=r"no connection: .*certificate verify failed"):
        fetch(f"{server}/good", target, SHA, quiet)
    assert nothing_left(target)


def test_https_without_a_server(target, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "localhost")
    with pytest.raises(FetchError, match=r"no connection: .*refused"):
        fetch("https://localhost:1/x", target, SHA, quiet)


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder in which pip finds one wheel, and nothing else anywhere."""
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tiny_model-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_model/m.bin", CONTENT)
        wheel.writestr("tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        wheel.writestr(
            "tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("tiny_model-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 knows no PYTHONSAFEPATH")
def test_pypi_where_a_file_is_called_as_a_module_is(index, target, tmp_path, monkeypatch):
    (tmp_path / "pip.py").write_text("raise SystemExit('run from the working directory')")
    monkeypatch.chdir(tmp_path)
    test_pypi(index, target)


def test_pypi(index, target):
    fetch("pypi:tiny-model==1.0!tiny_model/m.bin", target, SHA, quiet, size=len(CONTENT))
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            "pypi:tiny-model==1.0!tiny_model/other.bin",
            r"tiny_model-1\.0-py3-none-any\.whl has no file tiny_model/other",
        ),
        ("pypi:tiny-model==2.0!tiny_model/m.bin", "pip could not get it: .*No matching distribution"),
    ],
)
def test_pypi_failures(index, target, source, says):
    with pytest.raises(FetchError, match=says):
        fetch(source, target, SHA, quiet)
    assert nothing_left(target)


@pytest.mark.rooted
def test_a_disk_that_is_too_small_for_the_wheel(index, target):
    with zipfile.ZipFile(next(index.iterdir()), "a") as wheel:
        wheel.writestr("tiny_model/more.bin", os.urandom(300_000))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", target.parent], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted here (needs root)")
    try:
        with pytest.raises(FetchError, match="pip could not get it: No space left on device; make room, or name"):
            fetch("pypi:tiny-model==1.0!tiny_model/m.bin", target, SHA, quiet)
        assert nothing_left(target)
    finally:
        subprocess.run(["umount", target.parent], check=True)


def test_a_damaged_wheel(index, target):
    wheel = next(index.iterdir())
    data = bytearray(wheel.read_bytes())
    data[1000] ^= 0xFF
    wheel.write_bytes(data)
    with pytest.raises(FetchError, match="cannot be unpacked: Bad CRC"):
        fetch("pypi:tiny-model==1.0!tiny_model/m.bin", target, SHA, quiet)
    assert nothing_left(target)


def test_pip_that_takes_too_long_is_ended(index, target, monkeypatch):
    monkeypatch.setattr("backends.models.wheel.TOTAL_SECONDS", 0.0)
    with pytest.raises(FetchError, match="pip was not done after 0 s"):
        fetch("pypi:tiny-model==1.0!tiny_model/m.bin", target, SHA, quiet)
    assert nothing_left(target)


def test_a_folder_that_becomes_read_only_is_the_reason_that_is_told(tmp_path, target, monkeypatch):
    """Neither the last step nor the removal of the draft works then."""
    source = tmp_path / "a.bin"
    source.write_bytes(CONTENT)

    def refused(*_arguments, **_more):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        for call in ("replace", "unlink", "remove", "rename"):
            patch.setattr(os, call, refused)
            patch.setattr(Path, call, refused, raising=False)
        with pytest.raises(FetchError, match="cannot be written: Read-only file system"):
            fetch(source.as_uri(), target, SHA, quiet)


def test_a_name_need_not_be_utf_8(tmp_path, target):
    source = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.bin"))
    source.write_bytes(CONTENT)
    fetch(source.as_uri(), target, SHA, quiet)
    assert target.read_bytes() == CONTENT
