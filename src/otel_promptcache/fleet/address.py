"""Where the fleet's memory is, according to the setting `fleet`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

ALLOWED = 'a URL that begins with "redis://", "rediss://", "unix://" or "file:"'
MAX_ADDRESS_CHARS = 1_000
NAMESPACE = re.compile(r"[A-Za-z0-9._:/@-]{1,64}")
DEFAULT_NAMESPACE = "default"
_SCHEME = re.compile(r"[A-Za-z]{1,8}")
_HOST = re.compile(r"[^\s/?#@]+")
_DATABASE_PATH = re.compile(r"/?|/[0-9]{1,5}")
_ANYTHING = re.compile(r".+")
_LOGIN_OPTIONS = {"db": re.compile(r"[0-9]{1,5}"), "username": _ANYTHING, "password": _ANYTHING}
_TLS_OPTIONS = {
    "ssl_ca_certs": _ANYTHING,
    "ssl_ca_path": _ANYTHING,
    "ssl_certfile": _ANYTHING,
    "ssl_keyfile": _ANYTHING,
    "ssl_password": _ANYTHING,
    "ssl_check_hostname": re.compile(r"(?i:true|false|yes|no|[01])"),
    "ssl_cert_reqs": re.compile(r"none|optional|required"),
}
_OPTIONS = {"redis": _LOGIN_OPTIONS, "rediss": _LOGIN_OPTIONS | _TLS_OPTIONS, "unix": _LOGIN_OPTIONS}
"""By scheme, what may follow the question mark. Others could break the format of replies, or our time limits."""


class InvalidAddressError(ValueError):
    """The setting is not the address of a store; the message shows it without secrets, and says what is allowed."""


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where a store is."""

    url: str
    """As redis-py expects it; empty for a file."""
    path: str
    """Of the file; empty for Redis."""
    name: str
    """For the log: without user, password and query."""


def parse_address(text: str) -> StoreAddress:
    """Read the setting.

    Raises:
        InvalidAddressError: It is not an address.
    """
    if len(text) > MAX_ADDRESS_CHARS or not text.isprintable():
        raise InvalidAddressError(f"fleet is {_shown(text)}: expected {ALLOWED}")
    scheme, _, rest = text.partition(":")
    scheme = scheme.lower()
    if scheme == "file":
        path = unquote(rest.removeprefix("//"))
        if not path or path.endswith("/") or "?" in rest or not path.isprintable():
            raise InvalidAddressError(f"fleet is {_shown(text)}: expected the path of a file after file:")
        return StoreAddress("", path, f"file:{path}")
    if scheme not in _OPTIONS or not rest.startswith("//"):
        raise InvalidAddressError(f"fleet is {_shown(text)}: expected {ALLOWED}")
    url = f"{scheme}:{rest}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # its message quotes what may be a part of the password
        raise InvalidAddressError(f"fleet is {_shown(text)}: expected {ALLOWED}") from None
    _check_options(text, parts)
    if scheme == "unix":
        if not parts.path:
            raise InvalidAddressError(f"fleet is {_shown(text)}: expected the path of a socket after unix://")
        return StoreAddress(url, "", f"unix://{parts.path}")
    if not host or not _HOST.fullmatch(host):
        raise InvalidAddressError(f"fleet is {_shown(text)}: expected a host after {scheme}://")
    if not _DATABASE_PATH.fullmatch(parts.path):
        raise InvalidAddressError(
            f"fleet is {_shown(text)}: expected the number of a database after the host"
        )
    return StoreAddress(url, "", f"{scheme}://{host}:{port or 6379}")


def _check_options(text: str, parts: SplitResult) -> None:
    """Refuse what redis-py would ignore, or would only refuse when it connects."""
    allowed = _OPTIONS[parts.scheme]
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in allowed:  # which may be a part of the password
            names = ", ".join(allowed)
            raise InvalidAddressError(
                f"fleet is {_shown(text)}: expected no options after {parts.scheme}://… but {names}"
            )
        if not allowed[name].fullmatch(value):
            raise InvalidAddressError(
                f"fleet is {_shown(text)}: expected {name} to match {allowed[name].pattern}"
            )
    if parts.fragment:
        raise InvalidAddressError(f"fleet is {_shown(text)}: expected no # (in a password it is written %23)")


def namespace_of(text: str) -> str:
    """Turn a name into a namespace, replacing the characters that are not allowed in one."""
    return re.sub(r"[^A-Za-z0-9._:/@-]", "_", text)[:64] or DEFAULT_NAMESPACE


def _shown(text: str) -> str:
    """Only the scheme: the rest may contain a password, at an unknown place."""
    scheme, mark, _ = text.partition(":")
    return f'"{scheme}:…"' if mark and _SCHEME.fullmatch(scheme) else "(not shown)"
