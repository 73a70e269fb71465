"""Prints what the fleet's memory costs per request: `python -m benchmarks.fleet.cost unix:///run/redis.sock`.

The costs are CPU time on the caller's thread and on the background thread, and bytes to and from Redis. Both threads
sleep between the requests. With one call in flight at a time, each request finds the CPU asleep and its caches cold;
with several, calls share round trips and wake-ups. The last rows are the scale of the machine: a thread that wakes up,
sends a similar number of bytes on a bare socket and reads the answer, below which no Redis client can stay; and other
Python code, once without a pause before it and once with one.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from random import Random
from statistics import mean, median, quantiles

import redis
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
from otel_promptcache.fleet.call import FleetCall
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
_NAP_SECONDS = 0.002
_WARM_UP_SHARE = 0.2
_IN_FLIGHT = (1, 8, 32)
_BARE_BYTES = 700


@dataclass(slots=True)
class _Timed:
    """A store that records the CPU time of the thread that uses it."""

    inner: FleetStore
    cpu_seconds: float = 0.0

    def run(self, batch: Batch) -> Outcome:
        """Run the batch, and record the CPU time of the thread so far."""
        outcome = self.inner.run(batch)
        self.cpu_seconds = time.thread_time()
        return outcome

    def close(self) -> None:
        self.inner.close()

    def forget(self) -> None:
        self.inner.forget()


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
    """Cost per request of one kind of traffic; CPU times in microseconds."""

    caller_us: list[float] = field(default_factory=list[float])
    background_us: float = 0.0
    up_bytes: float = 0.0
    down_bytes: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter[str])


class _Bench:
    """One process that sends prompts to a provider, which answers after a while."""

    def __init__(self, address: StoreAddress) -> None:
        self.cost = Cost()
        namespace = f"cost-{os.getpid()}-{time.monotonic_ns()}"
        self.store = _Timed(SqliteStore(address.path) if address.path else RedisStore(address.url, namespace))
        self.worker = Worker(self.store, self._count, self._fail, address.name)
        self._fleet = Fleet(self.worker, FleetMemory(namespace))
        self._index, self._hasher, self._fingerprinter = PrefixIndex(), PromptHasher(), Fingerprinter()
        self._policy = policy_for("openai", _MODEL)

    def _count(self, outcome: str, operations: int) -> None:
        self.cost.outcomes[outcome] += operations

    def _fail(self, place: str, error: Exception) -> None:
        raise RuntimeError(place) from error

    def send(self, body: Body) -> tuple[FleetCall, Examination, float]:
        """Send a prompt; the last item is the CPU seconds that the fleet took of this thread."""
        request = read_request(CHAT_COMPLETIONS, body, "/v1/chat/completions", hash)
        prompt, segments = self._hasher.hash(request.read_blocks)
        prefix = self._fingerprinter.recall(prompt.leading) or self._fingerprinter.identify(
            request.read_segments(), prompt.leading
        )
        scope = request.scope._replace(provider="openai", host="api.openai.com", model=_MODEL)
        sent = SentPrompt(prompt, scope, request.options, prefix.fingerprint)
        examination = Examination(
            self._index, sent, segments, time.perf_counter(), policy=self._policy, may_be_joined=True
        )
        begin = time.thread_time()
        call = self._fleet.sent(examination, segments, prefix, account=0, has_one_customer=True)
        spent_seconds = time.thread_time() - begin
        if call is None:
            raise RuntimeError("the prompt has no segments")
        return call, examination, spent_seconds

    def answer(self, call: FleetCall, examination: Examination, spent_seconds: float) -> None:
        """Answer a prompt, and record the CPU time that the fleet took of this thread."""
        answered = examination.answered(Reply(), self._policy, time.perf_counter())
        if answered is None:
            raise RuntimeError("the prompt has no links")
        begin = time.thread_time()
        call.answered(answered)
        spent_seconds += time.thread_time() - begin
        examination.judge(TokenUsage(input_tokens=4_000, cache_read_tokens=3_584), None, self._policy)
        begin = time.thread_time()
        call.learned(examination.learned_tokens)
        self.cost.caller_us.append((spent_seconds + time.thread_time() - begin) * 1e6)


def measure(address: StoreAddress, bodies: Iterator[Body], requests: int, in_flight: int) -> Cost:
    """Send requests, `in_flight` at a time, and measure all except the warm-up."""
    bench = _Bench(address)
    cost, store = bench.cost, bench.store
    started_seconds, started_bytes = 0.0, (0, 0)
    rounds = requests // in_flight
    warm_up = max(1, int(rounds * _WARM_UP_SHARE))
    for number in range(rounds):
        if number == warm_up:
            bench.worker.flush()
            cost.caller_us.clear()
            started_seconds, started_bytes = store.cpu_seconds, _net_bytes(address)
        sent = [bench.send(body) for body in islice(bodies, in_flight)]
        time.sleep(_ANSWER_SECONDS)
        for each in sent:
            bench.answer(*each)
        time.sleep(_PAUSE_SECONDS)
    bench.worker.flush()
    measured = len(cost.caller_us)
    cost.background_us = (store.cpu_seconds - started_seconds) / measured * 1e6
    up_bytes, down_bytes = _net_bytes(address)
    cost.up_bytes = (up_bytes - started_bytes[0]) / measured
    cost.down_bytes = (down_bytes - started_bytes[1]) / measured
    bench.worker.stop()
    return cost


def _net_bytes(address: StoreAddress) -> tuple[int, int]:
    """Bytes that Redis has read and written so far."""
    if address.path:
        return 0, 0
    with redis.Redis.from_url(address.url) as client:
        stats = client.info("stats")
    return stats["total_net_input_bytes"], stats["total_net_output_bytes"]


def bare_us(address: StoreAddress, payload_bytes: int, requests: int) -> float:
    """CPU time of a thread that wakes up for each request and exchanges some bytes on a bare socket."""
    connection = redis.Redis.from_url(address.url).connection_pool.make_connection()
    connection.connect()
    bare = connection._sock  # noqa: SLF001  # measures what is below redis-py
    bare.settimeout(None)
    command = b"*2\r\n$4\r\nECHO\r\n$%d\r\n%b\r\n" % (payload_bytes, bytes(payload_bytes))
    wake = threading.Semaphore(0)
    spent_us: list[float] = []

    def exchange() -> None:
        for _ in range(requests):
            wake.acquire()
            begin = time.thread_time()
            time.sleep(_NAP_SECONDS)
            bare.sendall(command)
            bare.recv(65_536)
            spent_us.append((time.thread_time() - begin) * 1e6)

    thread = threading.Thread(target=exchange)
    thread.start()
    for _ in range(requests):
        wake.release()
        time.sleep(_ANSWER_SECONDS + _PAUSE_SECONDS)
    thread.join()
    connection.disconnect()
    return mean(spent_us)


def python_us(pause_seconds: float, repetitions: int) -> float:
    """CPU time of some Python code that has nothing to do with the fleet's memory, after a pause."""
    document = {"numbers": list(range(50)), "text": "x" * 200}
    spent_us: list[float] = []
    for _ in range(repetitions):
        time.sleep(pause_seconds)
        begin = time.thread_time()
        json.loads(json.dumps(document))
        spent_us.append((time.thread_time() - begin) * 1e6)
    return median(spent_us)


def main() -> None:
    """Measure each kind of traffic and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet.cost", description=__doc__)
    parser.add_argument("store", help="address of the store, as in the setting `fleet`")
    parser.add_argument("--requests", type=int, default=1_000)
    options = parser.parse_args()
    address = parse_address(options.store)
    table = Table(
        "traffic", "on their way", "caller CPU µs p50", "p99", "background CPU µs", "bytes up", "down", "late"
    )
    for name, traffic in TRAFFIC.items():
        for in_flight in _IN_FLIGHT:
            rng = Random(1)  # noqa: S311  # a benchmark must be reproducible
            cost = measure(address, traffic(rng), options.requests, in_flight)
            requests = len(cost.caller_us)
            table.add_row(
                name,
                str(in_flight),
                f"{median(cost.caller_us):.0f}",
                f"{quantiles(cost.caller_us, n=100)[98]:.0f}",
                f"{cost.background_us:.0f}",
                f"{cost.up_bytes:.0f}",
                f"{cost.down_bytes:.0f}",
                f"{cost.outcomes['late'] / requests:.0%}",
            )
    if address.url:
        table.add_row(
            "a bare socket", "1", "", "", f"{bare_us(address, _BARE_BYTES, options.requests):.0f}", "", "", ""
        )
    for name, pause_seconds in (("no pause", 0.0), ("a pause", _ANSWER_SECONDS + _PAUSE_SECONDS)):
        table.add_row(f"other Python, {name}", "", "", "", f"{python_us(pause_seconds, 300):.0f}", "", "", "")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
