"""Processes of one fleet, with the test's own clock and a store that is queried immediately."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from otel_promptcache.core.diagnosis.examination import Examination
from otel_promptcache.core.diagnosis.verdict import Diagnosis
from otel_promptcache.core.exchange import Reply
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.prompt.chain import PromptHasher, hash_prompt
from otel_promptcache.core.prompt.fingerprint import Fingerprinter
from otel_promptcache.fleet.call import FleetCall
from otel_promptcache.fleet.fleet import Fleet
from otel_promptcache.fleet.memory import FleetMemory
from otel_promptcache.fleet.store import Batch, FleetStore, Query, Update
from otel_promptcache.fleet.stores.sqlite_store import SqliteStore
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS
from otel_promptcache.wire.openai.content import cache_options
from tests.unit.prompts import BYTES_A_TOKEN, Body

EPOCH = 1_795_000_000.0


@dataclass
class Clock:
    now_seconds: float = EPOCH

    def __call__(self) -> float:
        return self.now_seconds


@dataclass
class AtOnce:
    """Runs every operation immediately, even if it is not urgent."""

    store: FleetStore
    operations: list[Query | Update] = field(default_factory=list)
    is_late: bool = False
    """Answers arrive only after the request is over."""
    waiting: list[FleetCall] = field(default_factory=list)

    def submit(self, call: FleetCall, is_urgent: bool) -> None:
        if self.is_late:
            self.waiting.append(call)
        else:
            self.serve(call)

    def serve(self, call: FleetCall) -> None:
        operation = call.next_operation()
        if operation is None:
            return
        self.operations.append(operation)
        if isinstance(operation, Query):
            (found,) = self.store.run(Batch([operation])).found
            assert found is not None
            call.found(found)
        else:
            (lacks,) = self.store.run(Batch([], [operation])).written
            assert lacks is not None
            call.written(lacks_segments=lacks)

    def flush(self) -> bool:
        while self.waiting:
            self.serve(self.waiting.pop(0))
        return True

    def stop(self) -> None:
        self.flush()


@dataclass
class Sent:
    """A request on its way."""

    process: Process
    body: Body
    examination: Examination
    call: FleetCall

    def answer(self, reply: Reply = Reply(response_id="resp_1")) -> Sent:  # noqa: B008  # frozen
        answered = self.examination.answered(
            reply, policy_for("openai", self.body["model"]), self.process.clock()
        )
        assert answered is not None
        self.call.answered(answered)
        return self

    def judge(self, *, read: int = 0, write: int | None = None, input_tokens: int | None = None) -> Diagnosis:
        segments = tuple(CHAT_COMPLETIONS.segments(self.body))
        total = input_tokens or hash_prompt(segments).size_bytes // BYTES_A_TOKEN
        usage = TokenUsage(input_tokens=total, cache_read_tokens=read, cache_write_tokens=write)
        diagnosis = self.examination.judge(usage, None, policy_for("openai", self.body["model"]))
        self.call.learned(self.examination.learned_tokens)
        return diagnosis


@dataclass
class Process:
    """One process, with its own memory and a shared one."""

    store: FleetStore
    clock: Clock
    namespace: str = "test"
    key: str | None = None
    account: int = 0
    shares_answers: bool = True

    def __post_init__(self) -> None:
        self.index, self._hasher, self._fingerprinter = PrefixIndex(), PromptHasher(), Fingerprinter()
        self.runner = AtOnce(self.store)
        self.memory = FleetMemory(self.namespace, self.key, clock=self.clock)
        self.fleet = Fleet(self.runner, self.memory, shares_answers=self.shares_answers)

    def open(self, body: Body, **scope: Any) -> Sent:
        """Send a request that is not answered yet."""
        prompt, segments = self._hasher.hash(partial(CHAT_COMPLETIONS.blocks, body))
        prefix = self._fingerprinter.recall(prompt.leading) or self._fingerprinter.identify(
            CHAT_COMPLETIONS.segments(body), prompt.leading
        )
        asked = CHAT_COMPLETIONS.scope(body)._replace(provider="openai", model=body["model"], **scope)
        examination = Examination(
            self.index,
            SentPrompt(prompt, asked, cache_options(body), prefix.fingerprint),
            segments,
            self.clock(),
            policy=policy_for("openai", body["model"]),
            may_be_joined=True,
        )
        call = self.fleet.sent(
            examination, segments, prefix, account=self.account, has_one_customer=not self.account
        )
        assert call is not None
        return Sent(self, body, examination, call)

    def send(self, body: Body, *, read: int = 0, write: int | None = None, **scope: Any) -> Diagnosis:
        """Send a request that is answered immediately."""
        return self.open(body, **scope).answer().judge(read=read, write=write)


@dataclass
class SharedStore:
    """Starts processes that share a store, each with its own connection."""

    connect: Callable[[], FleetStore]
    clock: Clock

    def process(self, **members: Any) -> Process:
        return Process(self.connect(), self.clock, **members)


def in_a_file(folder: Path) -> SharedStore:
    clock = Clock()
    return SharedStore(lambda: SqliteStore(str(folder / "fleet.db"), clock), clock)
