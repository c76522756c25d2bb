"""HTTPS, with verified certificates all the way through every redirect."""

from __future__ import annotations

import ssl
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from backends.contract import FetchError

if TYPE_CHECKING:
    from http.client import HTTPResponse


class _OnlyHttps(HTTPRedirectHandler):
    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme != "https":
            raise FetchError(f"{req.full_url}: leads to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def https(url: str, timeout: float) -> HTTPResponse:
    """The open answer; `length` of it is None where the server does not say. The caller closes it.

    timeout: seconds any single wait may take. Proxies come from the environment (HTTPS_PROXY).
    Raises FetchError.
    """
    opener = build_opener(ProxyHandler(), HTTPSHandler(context=ssl.create_default_context()), _OnlyHttps())
    try:
        answer: HTTPResponse = opener.open(Request(url, headers={"User-Agent": "vedette"}), timeout=timeout)  # noqa: S310 - https only, checked by the caller and at redirects
    except HTTPError as error:
        with error:
            raise FetchError(f"{url}: the server answered {error.code} {error.reason}") from error
    except URLError as error:
        raise FetchError(f"{url}: no connection: {error.reason}") from error
    except (OSError, ValueError, HTTPException) as error:
        raise FetchError(f"{url}: no connection: {error}") from error
    return answer
