"""Faults injected on purpose, and which requests they hit."""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Fault = Literal[
    "miss",
    "evict",
    "rate_limit_once",
    "rate_limit",
    "server_error_once",
    "server_error",
    "slow",
    "drop_mid_stream",
    "truncated_stream",
    "garbage",
    "error_event",
    "incomplete",
    "failed",
    "gzip",
    "choices_null",
    "usage_text",
    "usage_negative",
    "usage_cached_exceeds_input",
    "usage_missing",
    "tier_downgrade",
]

FAULTS: dict[Fault, str] = {
    "miss": "the cache reads nothing, for no reason the client could know",
    "evict": "the organization's cache is emptied before the request is served",
    "rate_limit_once": "429 with retry-after-ms the first time, success when the same request is retried",
    "rate_limit": "429 every time",
    "server_error_once": "500 with retry-after-ms the first time, success when the same request is retried",
    "server_error": "500 every time",
    "slow": "the first token takes `slow_seconds` longer",
    "drop_mid_stream": "the connection breaks in the middle of the body",
    "truncated_stream": "the stream ends cleanly, but before its last events: no usage, no [DONE]",
    "garbage": "the body turns into bytes that are neither JSON nor events",
    "error_event": "the stream ends early with an error event; without a stream, a 500",
    "incomplete": "the answer is cut short: finish_reason length, response.incomplete",
    "failed": "the model fails halfway: response.failed; on chat completions like error_event",
    "gzip": "the body is gzip-encoded",
    "choices_null": "choices is null; on responses, output is null",
    "usage_text": 'usage is the text "n/a"',
    "usage_negative": "token counts below zero",
    "usage_cached_exceeds_input": "more cached tokens than input tokens",
    "usage_missing": "no usage at all",
    "tier_downgrade": "served by the default tier, whatever was asked for",
}
"""Each fault's name and what the client sees."""

FAULT_HEADER = "x-sim-fault"
"""Request header that asks for faults by name, separated by commas."""

_MAX_REMEMBERED = 10_000


def parse_faults(text: str) -> frozenset[Fault]:
    """Return the faults a header names.

    Args:
        text: Names separated by commas; blanks around them and empty names do not matter.

    Raises:
        ValueError: A name is not in `FAULTS`.
    """
    return check_faults(name.strip() for name in text.split(",") if name.strip())


def check_faults(names: Iterable[str]) -> frozenset[Fault]:
    """Return the names as faults; ValueError, as from `check_fault`, if one is unknown."""
    return frozenset(check_fault(name) for name in names)


def check_fault(name: str) -> Fault:
    """Return the name as a `Fault`.

    Raises:
        ValueError: The fault is unknown; the message lists the known ones.
    """
    if name not in FAULTS:
        raise ValueError(f"unknown fault {name!r}: must be one of {', '.join(FAULTS)}")
    return name


@dataclass(frozen=True, slots=True)
class FaultRule:
    """A fault that hits a share of all requests.

    Attributes:
        fault: The fault's name.
        probability: How often, from 0 to 1; drawn from the configured seed.

    Raises:
        ValueError: The fault is unknown, or the probability is outside 0 to 1.
    """

    fault: Fault
    probability: float = 1.0

    def __post_init__(self) -> None:
        check_fault(self.fault)
        if not 0 <= self.probability <= 1:
            raise ValueError(f"FaultRule.probability={self.probability!r}: must be from 0 to 1")


class FaultInjector:
    """Decides which faults hit a request. Not thread-safe.

    Args:
        rules: Faults drawn for every request.
        seed: Seed for the random draws.
    """

    __slots__ = ("_failed_once", "_queued", "_random", "_rules", "_seed")

    def __init__(self, rules: Iterable[FaultRule], seed: int) -> None:
        self._rules = tuple(rules)
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311  # reproducible on purpose
        self._queued: deque[frozenset[Fault]] = deque()
        self._failed_once: OrderedDict[bytes, None] = OrderedDict()

    def queue(self, faults: frozenset[Fault]) -> None:
        """Queue faults for the next request that has none queued yet."""
        self._queued.append(faults)

    def draw(self, header: str) -> frozenset[Fault]:
        """Return the faults of the next request: requested, queued and drawn at random.

        Raises:
            ValueError: The header names an unknown fault.
        """
        asked = parse_faults(header)
        queued = self._queued.popleft() if self._queued else frozenset[Fault]()
        struck = (rule for rule in self._rules if self._random.random() < rule.probability)
        chance: set[Fault] = {rule.fault for rule in struck}
        return asked | queued | chance

    def is_first_time(self, request_digest: bytes) -> bool:
        """Tell whether a request must fail now so that its retry can succeed.

        The answer alternates for one digest: fail, succeed, fail, succeed.
        """
        if request_digest in self._failed_once:
            del self._failed_once[request_digest]
            return False
        self._failed_once[request_digest] = None
        if len(self._failed_once) > _MAX_REMEMBERED:
            self._failed_once.popitem(last=False)
        return True

    def clear(self) -> None:
        """Return to the state of a new injector: nothing queued, nothing failed, the same random draws to come."""
        self._random.seed(self._seed)
        self._queued.clear()
        self._failed_once.clear()
