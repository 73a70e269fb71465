"""Prints what a fleet's memory costs a request: `python -m benchmarks.fleet.cost unix:///run/redis.sock`.

On the thread of the caller, on the one in the background, and in bytes to and from a Redis. Both threads sleep in
between, as they do where requests are far apart; so the times are those of cold caches.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.diagnosis.requests import Body, chat, system, text, tool, user
from otel_promptcache.core.diagnosis.examination import Examination
from otel_promptcache.core.exchange import Reply
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.prompt.chain import PromptHasher
from otel_promptcache.core.prompt.fingerprint import Fingerprinter
from otel_promptcache.fleet.address import StoreAddress, parse_address
from otel_promptcache.fleet.fleet import Fleet
from otel_promptcache.fleet.memory import FleetMemory
from otel_promptcache.fleet.store import Batch, FleetStore, Outcome
from otel_promptcache.fleet.stores.redis_store import RedisStore
from otel_promptcache.fleet.stores.sqlite_store import SqliteStore
from otel_promptcache.fleet.worker import Worker
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS
from otel_promptcache.wire.request import read_request

_MODEL = "gpt-4.1"
_ANSWER_SECONDS, _PAUSE_SECONDS = 0.012, 0.006
_WARM_UP_SHARE = 0.2


@dataclass(slots=True)
class _Counting:
    """A store that counts the bytes of a Redis, and the time of the thread that it is used by."""

    inner: FleetStore
    up_bytes: int = 0
    down_bytes: int = 0
    cpu_seconds: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.inner, RedisStore):
            exchange = self.inner._exchange  # noqa: SLF001  # what goes over the wire is nobody else's business

            def counted(connection: object, commands: Sequence[Sequence[bytes | int]]) -> list[Any]:
                replies = exchange(connection, commands)
                self.up_bytes += sum(map(_size, commands))
                self.down_bytes += sum(map(_size, replies))
                return replies

            self.inner._exchange = counted  # type: ignore[method-assign]  # noqa: SLF001

    def run(self, batch: Batch) -> Outcome:
        """Do what the store does; the time of the thread counts from one call to the end of the next."""
        outcome = self.inner.run(batch)
        self.cpu_seconds = time.thread_time()
        return outcome

    def close(self) -> None:
        self.inner.close()

    def forget(self) -> None:
        self.inner.forget()


def _size(value: object) -> int:
    """In Redis' protocol, with the lengths."""
    if isinstance(value, (list, tuple)):
        return sum(map(_size, value)) + len(f"*{len(value)}\r\n")
    if isinstance(value, int):
        value = b"%d" % value
    return len(f"${len(value)}\r\n") + len(value) + 2 if isinstance(value, bytes) else 0


def _same(rng: Random) -> Iterator[Body]:
    body = chat([system(text(3_000, rng)), user(text(60, rng))], _MODEL, tools=_tools(rng))
    while True:
        yield body


def _questions(rng: Random) -> Iterator[Body]:
    rules, tools = system(text(3_000, rng)), _tools(rng)
    while True:
        yield chat([rules, user(text(60, rng))], _MODEL, tools=tools)


def _conversation(rng: Random) -> Iterator[Body]:
    rules, tools = system(text(3_000, rng)), _tools(rng)
    while True:
        messages = [rules]
        for _ in range(30):
            messages.append(user(text(60, rng)))
            yield chat(list(messages), _MODEL, tools=tools)
            messages.append({"role": "assistant", "content": text(60, rng)})


def _timestamp(rng: Random) -> Iterator[Body]:
    rules = text(3_000, rng)
    for number in count():
        now = f"It is {number // 60 % 24:02}:{number % 60:02} now. "
        yield chat([system(now + rules), user(text(60, rng))], _MODEL)


def _tools(rng: Random) -> list[Body]:
    return [tool(f"tool_{number}", text(90, rng)) for number in range(6)]


TRAFFIC: dict[str, Callable[[Random], Iterator[Body]]] = {
    "the same prompt": _same,
    "another question": _questions,
    "a conversation": _conversation,
    "a time on top": _timestamp,
}


@dataclass(slots=True)
class Cost:
    """Of one kind of traffic, a request; CPU times in microseconds."""

    caller_us: list[float] = field(default_factory=list[float])
    background_us: float = 0.0
    up_bytes: float = 0.0
    down_bytes: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict[str, int])


def measure(address: StoreAddress, bodies: Iterator[Body], requests: int) -> Cost:
    """Send requests that a provider answers after a while, and measure all but the first ones."""
    cost = Cost()

    def counted(outcome: str, operations: int) -> None:
        cost.outcomes[outcome] = cost.outcomes.get(outcome, 0) + operations

    def failed(place: str, error: Exception) -> None:
        raise RuntimeError(place) from error

    namespace = f"cost-{os.getpid()}-{time.monotonic_ns()}"
    inner = SqliteStore(address.path) if address.path else RedisStore(address.url, namespace)
    store = _Counting(inner)
    worker = Worker(store, counted, failed, address.name)
    fleet = Fleet(worker, FleetMemory(namespace))
    index, hasher, fingerprinter, policy = (
        PrefixIndex(),
        PromptHasher(),
        Fingerprinter(),
        policy_for("openai", _MODEL),
    )
    started = 0.0
    warm_up = int(requests * _WARM_UP_SHARE)
    for number in range(requests):
        if number == warm_up:
            worker.flush()
            cost.caller_us.clear()
            started, store.up_bytes, store.down_bytes = store.cpu_seconds, 0, 0
        request = read_request(CHAT_COMPLETIONS, next(bodies), "/v1/chat/completions", hash)
        prompt, segments = hasher.hash(request.read_blocks)
        prefix = fingerprinter.recall(prompt.leading) or fingerprinter.identify(
            request.read_segments(), prompt.leading
        )
        scope = request.scope._replace(provider="openai", host="api.openai.com", model=_MODEL)
        sent = SentPrompt(prompt, scope, request.options, prefix.fingerprint)
        examination = Examination(
            index, sent, segments, time.perf_counter(), has_boundaries=False, is_shared=True
        )
        begin = time.thread_time()
        call = fleet.sent(examination, segments, prefix, account=0, is_shared_account=True)
        spent = time.thread_time() - begin
        time.sleep(_ANSWER_SECONDS)
        answered = examination.answered(Reply(), policy, time.perf_counter())
        if call is None or answered is None:
            raise RuntimeError("the prompt has no segments")
        begin = time.thread_time()
        call.answered(answered)
        spent += time.thread_time() - begin
        examination.judge(TokenUsage(input_tokens=4_000, cache_read_tokens=3_584), None, policy)
        begin = time.thread_time()
        call.learned(examination.learned_tokens)
        cost.caller_us.append((spent + time.thread_time() - begin) * 1e6)
        time.sleep(_PAUSE_SECONDS)
    worker.flush()
    measured = requests - warm_up
    cost.background_us = (store.cpu_seconds - started) / measured * 1e6
    cost.up_bytes, cost.down_bytes = store.up_bytes / measured, store.down_bytes / measured
    worker.stop()
    return cost


def main() -> None:
    """Measure each kind of traffic and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet.cost", description=__doc__)
    parser.add_argument("store", help="as the setting `fleet`")
    parser.add_argument("--requests", type=int, default=1_000)
    options = parser.parse_args()
    table = Table(
        "traffic", "caller CPU µs p50", "p99", "background CPU µs", "bytes up", "down", "operations"
    )
    for name, traffic in TRAFFIC.items():
        rng = Random(1)  # noqa: S311  # a benchmark has to be repeatable
        cost = measure(parse_address(options.store), traffic(rng), options.requests)
        table.add_row(
            name,
            f"{median(cost.caller_us):.0f}",
            f"{quantiles(cost.caller_us, n=100)[98]:.0f}",
            f"{cost.background_us:.0f}",
            f"{cost.up_bytes:.0f}",
            f"{cost.down_bytes:.0f}",
            ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(cost.outcomes.items())),
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
