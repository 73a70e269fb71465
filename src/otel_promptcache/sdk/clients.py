"""The platform that a client of the SDK itself says it talks to."""

from __future__ import annotations

from functools import lru_cache

_MODULES = ("openai.lib.", "anthropic.lib.")
"""Modules of client classes that are made for one platform: `openai.lib.azure`, `anthropic.lib.bedrock._client`."""


def client_platform(client: object) -> str | None:
    """The SDK's own word for the platform that a client talks to, such as `azure` or `vertex`; None if it has none.

    Source: openai 3.57.0, `_provider.py`, `lib/azure.py` and `lib/bedrock.py`; anthropic 2.14.0,
    `lib/bedrock/_client.py` and `lib/vertex/_client.py` (checked 2026-11-25).
    """
    runtime: object = getattr(client, "_provider_runtime", None)
    if runtime is None:
        return _platform_of_class(type(client))
    name: object = getattr(runtime, "name", None)
    return name if isinstance(name, str) else None


@lru_cache(64)
def _platform_of_class(client_class: type) -> str | None:
    modules = (each.__module__ for each in client_class.__mro__)
    return next((module.split(".")[2] for module in modules if module.startswith(_MODULES)), None)
