"""How the RTSP client logs in, and what it never sends readable."""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from agent.capture.rtsp import RtspClient
from agent.capture.rtsp_auth import Credentials
from agent.capture.source import SourceError, UnsupportedError
from tests.support.rtsp_camera import camera, honest, play, reply, rtp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.support.rtsp_camera import Answer


@pytest.mark.parametrize(("algorithm", "function"), [("MD5", hashlib.md5), ("SHA-256", hashlib.sha256)])
def test_digest_is_what_the_rfc_says(algorithm: str, function: Callable[[bytes], object]) -> None:
    def hashed(text: str) -> str:
        return function(text.encode()).hexdigest()  # type: ignore[attr-defined, no-any-return]

    def answer(method: str, request: str) -> bytes:
        challenge = f'realm="cam, era", nonce="n1", algorithm={algorithm}, qop="auth,auth-int", opaque="o"'
        offers = ['WWW-Authenticate: Basic realm="x"', f"WWW-Authenticate: Digest {challenge}"]
        found = re.search(r"Authorization: Digest (.*)", request)
        if found is None:
            return reply(request, *offers, status="401 Unauthorized")
        given = {key: a or b for key, a, b in re.findall(r'([a-z]+)=(?:"([^"]*)"|([^\s,]+))', found[1])}
        uri = request.split()[1]
        ha1, ha2 = hashed("viewer:cam, era:secret"), hashed(f"{method}:{uri}")
        expected = hashed(f"{ha1}:n1:{given['nc']}:{given['cnonce']}:auth:{ha2}")
        assert given["opaque"] == "o"
        if given["response"] != expected or given["uri"] != uri:
            return reply(request, *offers, status="401 Unauthorized")
        return honest(method, request)

    with camera(answer) as fake:
        client = RtspClient(fake.url, Credentials("viewer", "secret"), timeout=2, stop=bool)
        assert client.describe().control == "track1"
        client.close()
    with camera(answer) as fake, pytest.raises(SourceError, match="check username and password"):
        play(fake.url, Credentials("viewer", "wrong"))


@contextmanager
def wanting(algorithm: str) -> Iterator[str]:
    wants = f'WWW-Authenticate: Digest realm="a", nonce="b", algorithm={algorithm}'
    with camera(lambda _, request: reply(request, wants, status="401 No")) as fake:
        yield fake.url


def test_an_unknown_login_method_is_named_as_such() -> None:
    with wanting("SHA-512-256") as url, pytest.raises(SourceError, match="other than Digest and Basic"):
        play(url, Credentials("viewer", "secret"))


def test_a_login_that_ffmpeg_knows_is_left_to_it() -> None:
    with wanting("MD5-sess") as url, pytest.raises(UnsupportedError):
        play(url, Credentials("viewer", "secret"))


DIGEST = 'Digest realm="a Basic realm, Basic", nonce="n"'


@pytest.mark.parametrize(
    "offer",
    [
        f'{DIGEST}, Basic realm="x"',
        f'Basic realm="x", {DIGEST}',
        f'Basic realm="x" {DIGEST}',
        DIGEST.replace(" ", "\t", 1),
    ],
)
def test_a_line_may_offer_two_ways_to_log_in(offer: str) -> None:
    def answer(method: str, request: str) -> bytes:
        if "Authorization: " in request:
            return honest(method, request)
        return reply(request, f"WWW-Authenticate: {offer}", status="401 Unauthorized")

    with camera(answer) as fake:
        client = RtspClient(fake.url, Credentials("viewer", "secret"), timeout=2, stop=bool)
        client.describe()
        client.close()
    assert 'Authorization: Digest username="viewer", realm="a Basic realm, Basic", nonce="n"' in fake.requests[1]
    assert not any("Authorization: Basic" in request for request in fake.requests)


@pytest.mark.parametrize(("algorithm", "error"), [("SHA-512-256", SourceError), ("MD5-sess", UnsupportedError)])
def test_a_camera_with_a_digest_is_not_sent_a_readable_password(algorithm: str, error: type[Exception]) -> None:
    wants = f'WWW-Authenticate: Basic realm="x", Digest realm="a", nonce="b", algorithm={algorithm}'
    with camera(lambda _, request: reply(request, wants, status="401 No")) as fake, pytest.raises(error):
        play(fake.url, Credentials("viewer", "secret"))
    assert not any("Authorization" in request for request in fake.requests)


def growing_old(nonces: Mapping[str, str]) -> Answer:
    """Wants a login under the nonce of each method, "" for the others'; what it plays comes with each answer."""

    def answer(method: str, request: str) -> bytes:
        nonce = nonces.get(method, nonces[""])
        if f'nonce="{nonce}"' not in request:
            wants = f'WWW-Authenticate: Digest realm="r", nonce="{nonce}", qop="auth", stale=true'
            return reply(request, wants, status="401 Unauthorized")
        return honest(method, request) + (rtp(b"picture", 1) if method in {"PLAY", "GET_PARAMETER"} else b"")

    return answer


def counts(requests: Sequence[str], nonce: str) -> list[str]:
    return [
        found[1] for request in requests if f'nonce="{nonce}"' in request if (found := re.search("nc=(.*?),", request))
    ]


def test_a_nonce_that_has_grown_old_costs_no_session() -> None:
    with camera(growing_old({"": "young", "GET_PARAMETER": "next"})) as fake:
        client = RtspClient(fake.url, Credentials("viewer", "secret"), timeout=5, stop=bool)
        client.play(client.describe())
        client._keepalive = 0.0
        packets = client.packets()
        assert [next(packets)[12:] for _ in range(3)] == [b"picture"] * 3
        client.close()
    asked = [request.split()[0] for request in fake.requests]
    assert asked[:7] == ["OPTIONS", "OPTIONS", "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "GET_PARAMETER"]
    assert counts(fake.requests, "young") == [f"{n:08x}" for n in range(1, 6)], "a nonce's uses are to be counted"
    assert counts(fake.requests, "next")[:2] == ["00000001", "00000002"]


def test_a_keep_alive_that_is_refused_is_sent_once_more_and_not_for_ever() -> None:
    def answer(method: str, request: str) -> bytes:
        if method != "GET_PARAMETER":
            return growing_old({"": "young"})(method, request)
        client._keepalive = 60.0
        wants = f'WWW-Authenticate: Digest realm="r", nonce="{len(fake.requests)}"'
        return reply(request, wants, status="401 Unauthorized") + rtp(b"picture", 1)

    with camera(answer) as fake:
        client = RtspClient(fake.url, Credentials("viewer", "secret"), timeout=0.6, stop=bool)
        client.play(client.describe())
        packets = client.packets()
        assert next(packets)
        client._keepalive = 0.0
        assert next(packets)
        with pytest.raises(SourceError, match="no data"):
            list(packets)
        client.close()
    assert [request.split()[0] for request in fake.requests].count("GET_PARAMETER") == 2


def test_credentials_have_no_password_in_their_repr() -> None:
    assert "secret" not in repr(Credentials("viewer", "secret"))
