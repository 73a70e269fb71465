"""What is known of an answered request when it is judged."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from otel_promptcache.core.memory.match import PrefixMatch
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.boundaries import Boundary


class History(str, Enum):
    """Whose requests are known when a request is judged."""

    PROCESS = "process"
    """Those of this process."""
    FLEET = "fleet"
    """Those of all processes that share a memory."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request that was answered, and what was known of its prompt when it was sent."""

    sent: SentPrompt
    match: PrefixMatch
    policy: CachePolicy
    """The rules of the model that answered."""
    boundaries: Collection[Boundary]
    """Where the prompt can be read, if these rules have boundaries."""
    input_tokens: int
    read_tokens: int
    now_seconds: float
    """When the prompt was sent."""
    asks_for_nothing: bool = False
    """The cache is opt-in, and the request does not opt in."""
    has_written: bool = True
    """Something was written to the cache, or it was not reported that nothing was."""
    history: History = History.PROCESS
    """Whose requests are known."""
