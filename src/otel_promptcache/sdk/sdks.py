"""The SDKs that are instrumented, and where in them the hooks go."""

from __future__ import annotations

from typing import NamedTuple


class Sdk(NamedTuple):
    """An SDK whose traffic goes through one module: its private `_base_client`, or its own HTTP handlers."""

    package: str
    requirement: str
    """The versions that are supported, and tested at both ends."""
    clients: tuple[str, ...]
    """The synchronous client class and the asynchronous one. Other instrumentations put their own `request` on those
    of a `_base_client`."""
    handlers: str | None = None
    """The module of the client classes, if they are HTTP handlers, which get a URL and a body."""

    @property
    def module(self) -> str:
        """The module after whose import the SDK is hooked."""
        return self.handlers or self.package


SDKS = (
    Sdk("openai", "openai >= 1.66, < 4", ("OpenAI", "AsyncOpenAI")),
    Sdk("anthropic", "anthropic >= 0.49, < 3", ("Anthropic", "AsyncAnthropic")),
    Sdk(
        "litellm",
        "litellm >= 1.110, < 2",
        ("HTTPHandler", "AsyncHTTPHandler"),
        handlers="litellm.llms.custom_httpx.http_handler",
    ),
)
