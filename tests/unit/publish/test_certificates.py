"""Until when certificates hold, read from files that openssl made."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.model import MqttConfig, TlsConfig
from agent.publish.certificates import Certificates, _not_after, expiry

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86400.0


def make(folder: Path, name: str, days: int, kind: str = "rsa:2048") -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (apt install openssl)")
    key = ["-newkey", kind] + (["-pkeyopt", "ec_paramgen_curve:prime256v1"] if kind == "ec" else [])
    names = ["-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", "/CN=someone/O=somewhere"]
    command = ["openssl", "req", "-x509", "-nodes", *key, *names, "-days", str(days)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)
    return folder / f"{name}.pem"


@pytest.mark.parametrize(("days", "kind"), [(10, "rsa:2048"), (400, "ec"), (365 * 40, "ec")])
def test_the_end_is_read_in_both_of_its_forms(tmp_path: Path, days: int, kind: str) -> None:
    """From 2050 on certificates have four digits for the year."""
    end = expiry(make(tmp_path, "one", days, kind).read_text())
    assert abs(end - time.time() - days * DAY) < 120


def test_of_several_the_first_to_expire_counts(tmp_path: Path) -> None:
    chain = make(tmp_path, "a", 300).read_text() + make(tmp_path, "b", 20).read_text()
    assert expiry(chain) - time.time() < 21 * DAY
    assert expiry(chain, any_will_do=True) - time.time() > 299 * DAY
    with pytest.raises(ValueError, match="no certificate"):
        expiry("-----BEGIN PRIVATE KEY-----\n")


@given(st.binary(max_size=200))
def test_what_is_no_certificate_is_a_value_error(der: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of whatever text
        _not_after(der)


def test_a_certificate_cut_anywhere_is_a_value_error(tmp_path: Path) -> None:
    der = subprocess.run(
        ["openssl", "x509", "-in", str(make(tmp_path, "a", 5)), "-outform", "DER"], capture_output=True, check=True
    ).stdout
    for end in range(0, len(der), 7):
        with pytest.raises(ValueError):  # noqa: PT011 - of whatever text
            _not_after(der[:end])


def test_renewed_files_are_noticed_and_what_expires_is_told(tmp_path: Path) -> None:
    cert = make(tmp_path, "own", 5)
    tls = TlsConfig(ca=str(make(tmp_path, "ca", 90)), cert=str(cert), key=str(tmp_path / "own.key"))
    certificates = Certificates(MqttConfig(host="broker", port=8883, tls_enabled=True, tls=tls))
    wall = time.time()
    assert not certificates.renewed()
    (text,) = certificates.expiring(0.0, wall, wall + 60 * DAY)
    assert text.startswith(f"mqtt.tls.cert ({cert}) expires on ")
    assert text.endswith("in 4 days")
    assert "the certificate of broker:8883 expired on" in certificates.expiring(1.0, wall, wall - 1)[1]
    make(tmp_path, "own", 50)
    assert certificates.renewed()
    assert not certificates.renewed()
    make(tmp_path, "old", 3)
    (tmp_path / "ca.pem").write_text((tmp_path / "old.pem").read_text() + (tmp_path / "ca.pem").read_text())
    assert certificates.renewed()
    assert certificates.expiring(2.0, wall, None) == [], "an old CA beside a new one is no concern"
    os.utime(cert, (1, 1))
    assert certificates.renewed()


def test_without_tls_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    config = MqttConfig(tls=TlsConfig(cert=str(make(tmp_path, "own", 5))))
    certificates = Certificates(config)
    assert certificates.expiring(0.0, time.time(), None) == []
    assert not certificates.renewed()
