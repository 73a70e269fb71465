"""One process of the fleet: its memory and its verdicts, without a network."""

from __future__ import annotations

from typing import Protocol

from benchmarks.diagnosis.requests import Body
from benchmarks.fleet.pace import Clock, VirtualClock
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

    @property
    def is_late(self) -> bool | None:
        """Whether it was judged without the fleet's knowledge; None if there is no fleet."""
        ...


class Process(Protocol):
    """One process."""

    def send(self, body: Body, now_seconds: float) -> Pending:
        """Read a request and send it."""
        ...


class ClientProcess:
    """A process that knows what it sent itself, and what other processes of the fleet have shared.

    Args:
        fleet: The shared memory; None for none.
        clock: The clock of that memory.
    """

    def __init__(self, fleet: Fleet | None = None, clock: Clock | None = None) -> None:
        self._index = PrefixIndex()
        self._hasher = PromptHasher()
        self._fingerprinter = Fingerprinter()
        self._fleet, self._clock = fleet, clock or VirtualClock()

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
            may_be_joined=self._fleet is not None,
        )
        call = None
        if self._fleet is not None:
            call = self._fleet.sent(examination, segments, prefix, account=0, has_one_customer=True)
        return _Examined(model, examination, call, self._clock)


class _Examined:
    def __init__(self, model: str, examination: Examination, call: FleetCall | None, clock: Clock) -> None:
        self._policy, self._price = policy_for("openai", model), PRICES[model]
        self._examination, self._call, self._clock = examination, call, clock

    @property
    def is_late(self) -> bool | None:
        return None if self._call is None else not self._examination.is_joined

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
