"""One process of the fleet: all that is remembered and judged in it, without its network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from benchmarks.diagnosis.requests import Body
from benchmarks.fleet.provider import PRICES
from otel_promptcache.core.analyzer import CacheReport, analyze
from otel_promptcache.core.diagnosis.examination import Examination
from otel_promptcache.core.exchange import Reply
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.prompt.chain import PromptHasher
from otel_promptcache.core.prompt.fingerprint import Fingerprinter
from otel_promptcache.fleet.call import FleetCall
from otel_promptcache.fleet.fleet import Fleet
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS
from otel_promptcache.wire.request import read_request

_PATH = "/v1/chat/completions"
_HOST = "api.openai.com"


class Pending(Protocol):
    """A request that was sent."""

    def answered(self, now_seconds: float) -> None:
        """The provider has processed the prompt."""
        ...

    def report(self, usage: TokenUsage) -> CacheReport:
        """Judge the request by what the provider reported."""
        ...


class Process(Protocol):
    """One process."""

    def send(self, body: Body, now_seconds: float) -> Pending:
        """Read a request and send it."""
        ...


Memory = Callable[[], Callable[[], Process]]
"""Opens a memory, which all processes of a run may share; what it returns starts a process."""


@dataclass(slots=True)
class Clock:
    """The time of the run, in seconds."""

    now_seconds: float = 0.0

    def __call__(self) -> float:
        """The present time."""
        return self.now_seconds


class ClientProcess:
    """A process that knows what it sent itself, and what the others of a fleet have told.

    Args:
        fleet: The memory that it shares; None for none.
        clock: Of that memory.
    """

    def __init__(self, fleet: Fleet | None = None, clock: Clock | None = None) -> None:
        self._index = PrefixIndex()
        self._hasher = PromptHasher()
        self._fingerprinter = Fingerprinter()
        self._fleet, self._clock = fleet, clock or Clock()

    def send(self, body: Body, now_seconds: float) -> Pending:
        """Compare a request with earlier ones."""
        self._clock.now_seconds = now_seconds
        request = read_request(CHAT_COMPLETIONS, body, _PATH, hash)
        prompt, segments = self._hasher.hash(request.read_blocks)
        prefix = self._fingerprinter.recall(prompt.leading) or self._fingerprinter.identify(
            request.read_segments(), prompt.leading
        )
        model = request.model or ""
        scope = request.scope._replace(provider="openai", host=_HOST, model=model)
        examination = Examination(
            self._index,
            SentPrompt(prompt, scope, request.options, prefix.fingerprint),
            segments,
            now_seconds,
            policy=policy_for("openai", model),
            is_shared=self._fleet is not None,
        )
        call = None
        if self._fleet is not None:
            call = self._fleet.sent(examination, segments, prefix, account=0, is_shared_account=True)
        return _Examined(model, examination, call, self._clock)


class _Examined:
    def __init__(self, model: str, examination: Examination, call: FleetCall | None, clock: Clock) -> None:
        self._policy, self._price = policy_for("openai", model), PRICES[model]
        self._examination, self._call, self._clock = examination, call, clock

    def answered(self, now_seconds: float) -> None:
        self._clock.now_seconds = now_seconds
        answered = self._examination.answered(Reply(), self._policy, now_seconds)
        if self._call is not None and answered is not None:
            self._call.answered(answered)

    def report(self, usage: TokenUsage) -> CacheReport:
        diagnosis = self._examination.judge(usage, None, self._policy)
        if self._call is not None:
            self._call.learned(self._examination.learned_tokens)
        return analyze(
            prefix=None,
            prefix_name=None,
            usage=usage,
            diagnosis=diagnosis,
            policy=self._policy,
            price=self._price,
            is_answered=True,
        )
