"""Whose a request is: by the setting, by the host, by the SDK's client, by the model."""

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
"""Hosts that are not known and that a line of the log is written about."""
_VENDORS = {OPENAI.name: "OpenAI", ANTHROPIC.name: "Anthropic"}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Providers:
    """Tells who answers a request.

    Args:
        hosts: What the setting says: a provider's name by host, or by host and port.
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
        """The `gen_ai.provider.name` of a request; `_OTHER` if nobody is known for its host and model.

        A host that is not known may be a proxy. The own models of the vendor whose API is spoken are taken to come from
        it there, and one line of the log says so. So are the deployments of Azure OpenAI, which may have any name.

        Args:
            host: Where it goes.
            port: Likewise; None if the URL names none.
            model: What it asks for; None if it does not say.
            platform: The word of the SDK's client for whom it is made; None if it is a general one.
            is_deployment: Its path names a deployment of Azure OpenAI.
            vendor: Who made the API that is spoken.
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
                "%s is not a known host: %s's models there are priced and judged as those of %s. If it is "
                "something else, name it with the setting `hosts` (OTEL_PYTHON_PROMPTCACHE_HOSTS). Said once.",
                cut(printable(host), 100),
                vendor,
                vendor,
            )
