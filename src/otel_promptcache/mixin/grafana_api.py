"""Grafana's HTTP API, as far as dashboards need it; every failure is an error that says what to do.

It is the API under `/api`, which is the same in Grafana 11, 12 and 13. The one under `/apis` has a different version
in each of them, and needs a namespace that differs on Grafana Cloud.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

_TIMEOUT_SECONDS = 30
_MAX_BYTES = 32 * 1024 * 1024
_MAX_MESSAGE = 300
_UNAUTHORIZED, _FORBIDDEN, _MISSING = 401, 403, 404
_REDIRECTS, _FAULTS = range(300, 400), range(500, 600)

Json = dict[str, Any]


class GrafanaError(RuntimeError):
    """Grafana did not do what it was asked to; the message says why, and what to do."""


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow none: the token is only meant for the given address."""


class Grafana:
    """A Grafana at an address, with the token of a service account.

    Raises:
        GrafanaError: The token cannot be part of a request.
    """

    def __init__(self, address: str, token: str) -> None:
        if not (token.isascii() and token.isprintable()) or " " in token or not token:
            raise GrafanaError(
                "the token is empty or contains characters that are not allowed in a Grafana token"
            )
        self.address = address.rstrip("/")
        self._token = token
        self._opener = build_opener(_NoRedirects)

    def get(self, path: str) -> Json | None:
        """Return the object at a path; None if there is none.

        Raises:
            GrafanaError: There was no usable answer.
        """
        return self._ask("GET", path, None)

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Json:
        """Create or change something.

        Raises:
            GrafanaError: It was not created or changed.
        """
        answer = self._ask(method, path, body)
        if answer is None:
            raise GrafanaError(f"{self.address}{path} was not found (404): is this the address of Grafana?")
        return answer

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Json | None:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        # The address was checked to be an HTTP one.
        request = Request(self.address + path, data, headers, method=method)  # noqa: S310
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                answer = _read(response.read(_MAX_BYTES + 1))
        except HTTPError as error:
            with error:
                said = _read(error.read(_MAX_BYTES))
            if error.code == _MISSING and said is not None:
                return None
            raise GrafanaError(self._explained(f"{method} {path}", error, said or {})) from None
        except (URLError, OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise GrafanaError(f"{self.address} cannot be reached: {reason}") from None
        if answer is None:
            raise GrafanaError(f"{self.address} does not answer like Grafana: is this its address?")
        return answer

    def _explained(self, asked: str, error: HTTPError, said: Json) -> str:
        code, message = error.code, _message(said)
        if code in _REDIRECTS:
            # Without its query, which may be long.
            target = urlsplit(error.headers.get("Location", ""))._replace(query="", fragment="").geturl()
            return f"{self.address} redirects to {target or 'nowhere'} ({code}): if that is Grafana, give its address"
        if code == _UNAUTHORIZED:
            return f"Grafana does not accept the token (401){message}"
        if code == _FORBIDDEN:
            return f"the token lacks permission (403, {asked}){message}; its service account needs the Editor role"
        if code == _MISSING:
            return f"{self.address} has no Grafana API (404, {asked}): is this the address of Grafana?"
        if code in _FAULTS:
            return f"Grafana failed ({code}, {asked}){message}; nothing further was attempted"
        return f"Grafana refused ({code}, {asked}){message}"


def _read(body: bytes) -> Json | None:
    """Return a JSON object; None if the body is anything else, or too long."""
    if len(body) > _MAX_BYTES:
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("Json", value) if isinstance(value, dict) else None


def _message(said: Json) -> str:
    message, status = said.get("message"), said.get("status")
    words = [word for word in (status, message) if isinstance(word, str) and word.isprintable()]
    return f": {': '.join(words)[:_MAX_MESSAGE]}" if words else ""
