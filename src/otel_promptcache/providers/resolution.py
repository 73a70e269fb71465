"""Finds the provider of a request: by the setting, the host, the SDK's client or the model."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from otel_promptcache.core.quoting import cut, printable
from otel_promptcache.providers.claude import ANTHROPIC
from otel_promptcache.providers.openai import OPENAI
from otel_promptcache.providers.profiles import (
    OTHER,
    known_provider,
    presumed_provider,
    provider_of_platform,
)

_logger = logging.getLogger("otel_promptcache")

MAX_EXPLAINED_HOSTS = 16
"""Hosts that are unknown and get a line in the log; further ones get none."""
_VENDORS = {OPENAI.name: "OpenAI", ANTHROPIC.name: "Anthropic"}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Providers:
    """Resolves the provider of a request.

    Args:
        hosts: The setting: provider names by host, or by host and port.
    """

    def __init__(self, hosts: Mapping[str, str]) -> None:
        self._hosts = {host.lower(): name for host, name in hosts.items()}
        self._explained: set[str] = set()

    def resolve(
        self,
        host: str,
        port: int | None,
        model: str | None,
        *,
        platform: str | None = None,
        is_deployment: bool = False,
        vendor: str = "openai",
    ) -> str:
        """The `gen_ai.provider.name` of a request; `_OTHER` if its host and model do not tell.

        An unknown host may be a proxy. Models of the vendor whose API is spoken are taken to come from that vendor,
        and one log line says so. The same goes for deployments of Azure OpenAI, which may have any name.

        Args:
            host: The host that it is sent to.
            port: The port; None if the URL names none.
            model: The requested model; None if it names none.
            platform: The SDK client's word for the platform that it is made for; None for a general client.
            is_deployment: Its path names a deployment of Azure OpenAI.
            vendor: The maker of the API that is spoken.
        """
        if self._hosts:
            host = host.lower()
            stated = self._hosts.get(f"{host}:{port}") or self._hosts.get(host)
            if stated is not None:
                return stated
        known = known_provider(host)
        if known is not None:
            return known
        of_client = provider_of_platform(platform) if platform is not None else None
        if of_client is not None:
            return of_client
        presumed = OPENAI.name if is_deployment else presumed_provider(model, vendor)
        if presumed != OTHER and host not in self._explained and host not in _LOOPBACK:
            self._explain(host, _VENDORS[presumed])
        return presumed

    def _explain(self, host: str, vendor: str) -> None:
        if len(self._explained) < MAX_EXPLAINED_HOSTS:
            self._explained.add(host)
            _logger.warning(
                "%s is not a known host: %s's models there are priced and judged as if %s served them. If another "
                "provider does, name it with the setting `hosts` (OTEL_PYTHON_PROMPTCACHE_HOSTS). This is logged once.",
                cut(printable(host), 100),
                vendor,
                vendor,
            )
