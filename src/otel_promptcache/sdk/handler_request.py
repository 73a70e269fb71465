"""The request that an HTTP handler is asked to send."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from otel_promptcache.wire.format import Json, decoded

_PAIR = 2
_SIGNED = b"AWS4-"
"""How the credentials of a signed request begin."""


class HandlerRequest(NamedTuple):
    """The arguments of a handler's method; the values may be anything."""

    method: str
    named: Collection[str] = ()
    """The arguments that are passed by name."""
    url: Any = None
    headers: Any = None
    json: Any = None
    data: Any = None
    content: Any = None

    def body(self) -> object:
        """JSON as a value or as text; None for anything else that is sent, such as a form."""
        if self.json is not None:
            return self.json
        text = self.content if self.data is None else self.data
        return text if isinstance(text, (bytes, str)) else None

    def header_pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """The headers whose names and values are strings."""
        given: Any = self.headers or ()
        for pair in cast("Iterable[object]", given.items() if hasattr(given, "items") else given):
            if not isinstance(pair, tuple) or len(cast("tuple[object, ...]", pair)) != _PAIR:
                continue
            name, value = cast("tuple[object, object]", pair)
            if isinstance(name, str) and isinstance(value, str):
                yield name.lower().encode(errors="replace"), value.encode(errors="replace")

    def amendable_body(self) -> Json | None:
        """The body, if something may be added to it; None if it is signed, or not passed by name."""
        if "headers" not in self.named or not isinstance(self.headers or {}, Mapping):
            return None
        if any(_SIGNED in value for _, value in self.header_pairs()):
            return None
        given: object = self.json
        if isinstance(given, dict) and "json" in self.named:
            return cast("Json", given)
        if not isinstance(self.data, str) or "data" not in self.named:  # a signed body is bytes
            return None
        try:
            return decoded(self.data)
        except (ValueError, RecursionError):
            return None

    def amended(self, body: Json, *, as_it_is: bool) -> dict[str, Any]:
        """The arguments to change so that this body is sent.

        Args:
            body: The amended one.
            as_it_is: The answer must not be encoded.
        """
        changed: dict[str, Any] = {"json": body} if self.json is not None else {"data": json.dumps(body)}
        if as_it_is:
            changed["headers"] = {**(self.headers or {}), "Accept-Encoding": "identity"}
        return changed
