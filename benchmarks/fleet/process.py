"""One process of the fleet: all that is remembered and judged in it, without its network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.wire.chat import CHAT_COMPLETIONS
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


class LoneProcess:
    """A process that knows nothing but what it sent itself."""

    def __init__(self) -> None:
        self._index = PrefixIndex()
        self._hasher = PromptHasher()
        self._fingerprinter = Fingerprinter()

    def send(self, body: Body, now_seconds: float) -> Pending:
        """Compare a request with earlier ones."""
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
            has_boundaries=policy_for("openai", model).has_exact_boundaries,
        )
        return _Examined(model, examination)


class _Examined:
    def __init__(self, model: str, examination: Examination) -> None:
        self._policy, self._price = policy_for("openai", model), PRICES[model]
        self._examination = examination

    def answered(self, now_seconds: float) -> None:
        self._examination.answered(Reply(), self._policy, now_seconds)

    def report(self, usage: TokenUsage) -> CacheReport:
        return analyze(
            prefix=None,
            prefix_name=None,
            usage=usage,
            diagnosis=self._examination.judge(usage, None, self._policy),
            policy=self._policy,
            price=self._price,
            is_answered=True,
        )


def _alone() -> Callable[[], Process]:
    return LoneProcess


MEMORIES: Mapping[str, Memory] = {"process": _alone}
"""What the processes of a fleet may remember by."""
