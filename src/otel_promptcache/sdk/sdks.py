"""The SDKs that are instrumented, and where in them the hooks go."""

from __future__ import annotations

from typing import NamedTuple


class Sdk(NamedTuple):
    """An SDK whose traffic goes through one private module, `_base_client`."""

    package: str
    requirement: str
    """The versions that are supported, and tested at both ends."""
    clients: tuple[str, ...]
    """Client classes on which other instrumentations put a `request` of their own."""


SDKS = (
    Sdk("openai", "openai >= 1.66, < 4", ("OpenAI", "AsyncOpenAI")),
    Sdk("anthropic", "anthropic >= 0.49, < 3", ("Anthropic", "AsyncAnthropic")),
)
