"""Where the fleet's memory is, according to the setting `fleet`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

ALLOWED = 'a URL that begins with "redis://", "rediss://", "unix://" or "file:"'
MAX_ADDRESS_CHARS = 1_000
NAMESPACE = re.compile(r"[A-Za-z0-9._:/@-]{1,64}")
DEFAULT_NAMESPACE = "default"
_SCHEME = re.compile(r"[a-z]{1,8}")
_SCHEMES = ("redis", "rediss", "unix")


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
    if scheme.lower() == "file":
        path = unquote(rest.removeprefix("//"))
        if not path or path.endswith("/"):
            raise InvalidAddressError(f"fleet is {_shown(text)}: expected the path of a file after file:")
        return StoreAddress("", path, f"file:{path}")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:  # its message quotes what may be a part of the password
        raise InvalidAddressError(f"fleet is {_shown(text)}: expected {ALLOWED}") from None
    if parts.scheme not in _SCHEMES or not rest.startswith("//"):
        raise InvalidAddressError(f"fleet is {_shown(text)}: expected {ALLOWED}")
    if parts.scheme == "unix":
        if not parts.path:
            raise InvalidAddressError(f"fleet is {_shown(text)}: expected the path of a socket after unix://")
        return StoreAddress(text, "", f"unix://{parts.path}")
    if not host:
        raise InvalidAddressError(f"fleet is {_shown(text)}: expected a host after {parts.scheme}://")
    return StoreAddress(text, "", f"{parts.scheme}://{host}:{port or 6379}")


def namespace_of(text: str) -> str:
    """Turn a name into a namespace, replacing the characters that are not allowed in one."""
    return re.sub(r"[^A-Za-z0-9._:/@-]", "_", text)[:64] or DEFAULT_NAMESPACE


def _shown(text: str) -> str:
    """Only the scheme: the rest may contain a password, at an unknown place."""
    scheme, mark, _ = text.partition(":")
    return f'"{scheme}:…"' if mark and _SCHEME.fullmatch(scheme) else "(not shown)"
