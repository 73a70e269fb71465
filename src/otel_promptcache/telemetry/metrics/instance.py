"""Warns if two processes of a host report under one `service.instance.id`: their counters overwrite each other.

A process binds a socket named after the id, in Linux's abstract namespace: no file is left behind, the kernel releases
the name when the process ends, nobody can connect, and binding never blocks. If the name is taken, another process has
the id. Processes on other systems, or in a different network namespace, are not seen.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, cast

from opentelemetry.metrics import MeterProvider

from otel_promptcache.core.memory.forking import restart_in_forked_child

_logger = logging.getLogger("otel_promptcache")

_INSTANCE_ID = "service.instance.id"
_IDENTITY = ("service.namespace", "service.name", _INSTANCE_ID)
_MAX_CLAIMS = 64
"""Ids that a process claims: one for each meter provider that it uses."""


class _Claims:
    """The ids that this process has claimed, for all its meter providers."""

    def __init__(self) -> None:
        self._descriptors: dict[bytes, int] = {}
        self._lock = threading.Lock()
        restart_in_forked_child(self)

    def take(self, name: bytes) -> bool:
        """Claim a name; False if another process has it."""
        if sys.platform != "linux":
            return True
        with self._lock:
            if name in self._descriptors or len(self._descriptors) >= _MAX_CLAIMS:
                return True
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
                try:
                    bound.bind(b"\0" + name)
                except OSError as error:
                    return error.errno != errno.EADDRINUSE
                self._descriptors[name] = bound.detach()
            return True

    def restart(self) -> None:
        """Leave the names to the parent; the lock may have been held by a thread that does not exist here."""
        self._lock = threading.Lock()
        for descriptor in self._descriptors.values():
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._descriptors = {}


_claims = _Claims()


class Instance:
    """The identity under which a meter provider reports.

    Args:
        meter_provider: The provider that reports.
        on_claim: Called whenever the identity is claimed: at the first call of a process.
    """

    def __init__(self, meter_provider: MeterProvider, on_claim: Callable[[], None] = lambda: None) -> None:
        self._meter_provider = meter_provider
        self._on_claim = on_claim
        self._is_claimed = False
        restart_in_forked_child(self)

    def restart(self) -> None:
        """Start over in a forked child, which may have its own identity."""
        self._is_claimed = False

    def claim(self) -> None:
        """Log one warning if another process of this host has the identity; call this when something is counted."""
        if self._is_claimed:
            return
        self._is_claimed = True
        self._on_claim()
        name = self._name()
        if name is not None and not _is_free(name):
            _logger.warning(
                "Another process on this host reports under the same service.instance.id, so their counters "
                "overwrite each other. Give each process its own id; see docs/scale.md. This is logged once."
            )

    def _name(self) -> bytes | None:
        """The socket name for the identity; None if it has no id or is not that of an SDK provider."""
        resource: Any = getattr(getattr(self._meter_provider, "_sdk_config", None), "resource", None)
        attributes = getattr(resource, "attributes", None)
        if not isinstance(attributes, Mapping):
            return None
        attributes = cast("Mapping[str, object]", attributes)
        if not attributes.get(_INSTANCE_ID):
            return None
        identity = "\0".join(str(attributes.get(name, "")) for name in _IDENTITY)
        hashed = hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=16)
        return b"otel-promptcache-" + hashed.hexdigest().encode()


def _is_free(name: bytes) -> bool:
    try:
        return _claims.take(name)
    except OSError:  # a sandbox may have no sockets
        return True
