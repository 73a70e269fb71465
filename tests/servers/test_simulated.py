"""The product against simulated servers: what they really read is reported, and none of their rules is taken for a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from otel_promptcache.calls import call as call_module
from otel_promptcache.sim import ManualClock, SimConfig, Simulator, filler_text
from tests.conftest import Telemetry
from tests.servers.application import HAS_PRICES, NOON_NS, READ, REASON, RESULT, SAVED, Attributes, said
from tests.servers.loopback import client_at

HOUR = 3600.0
URLS = {
    "vllm": "http://vllm.internal:8000/v1",
    "sglang": "http://sglang.internal:30000/v1",
    "deepseek": "http://api.deepseek.com/v1",
    "groq": "http://api.groq.com/openai/v1",
}
MODELS = {
    "vllm": "meta-llama/Llama-3.3-70B-Instruct",
    "sglang": "Qwen/Qwen3-32B",
    "deepseek": "deepseek-v4-pro",
    "groq": "openai/gpt-oss-120b",
}
FLAGGED = {"vllm": {"cache_report": True}, "sglang": {"cache_report": True}, "deepseek": {}, "groq": {}}
SYSTEM = filler_text(1_000, "system")

Message = dict[str, str]


def prompt(question: str, tokens: int = 400, system: str = SYSTEM) -> list[Message]:
    user = {"role": "user", "content": filler_text(tokens, question)}
    return [{"role": "system", "content": system}, user]


class Server:
    """A simulated server under its real name, and the product's clock, which follows the server's."""

    def __init__(self, telemetry: Telemetry, stack: ExitStack, name: str, config: SimConfig) -> None:
        self._telemetry = telemetry
        self._name = name
        self.clock = ManualClock()
        self.simulator = stack.enter_context(Simulator(config, clock=self.clock))
        port = int(self.simulator.url.rpartition(":")[2])
        self.client = stack.enter_context(client_at(URLS[name], port))

    def ask(self, messages: list[Message], *, stream: bool = False, **members: Any) -> Attributes:
        self.clock.advance(1.0)
        create = self.client.chat.completions.create
        answer = create(model=MODELS[self._name], messages=messages, stream=stream, **members)
        if stream:
            for _ in answer:
                pass
        return dict(self._telemetry.spans[-1].attributes or {})

    def reply(self, messages: list[Message]) -> str:
        """Make one request and return its answer."""
        self.clock.advance(1.0)
        answer = self.client.chat.completions.create(model=MODELS[self._name], messages=messages)
        return answer.choices[0].message.content or ""

    @property
    def truth(self) -> list[tuple[int, int]]:
        """What each request had and what it read, as the server knows it."""
        reads = [request.cache for request in self.simulator.requests]
        return [(read.input_tokens, read.cached_tokens) for read in reads if read is not None]


Started = Callable[..., Server]


@pytest.fixture
def started(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    """Starts a simulated server, and observes the requests to it."""
    with ExitStack() as stack:

        def start(name: str, *, hosts: dict[str, str] | None = None, **settings: Any) -> Server:
            config = SimConfig(
                server=name, prefill_seconds_per_1k_tokens=0, decode_seconds_per_token=0, **settings
            )
            server = Server(telemetry, stack, name, config)
            clock = SimpleNamespace(perf_counter=server.clock.now_seconds, time_ns=lambda: NOON_NS)
            monkeypatch.setattr(call_module, "time", clock)
            telemetry.instrument(hosts=hosts or {})
            return server

        yield start


def tokens(telemetry: Telemetry, state: str) -> float:
    return telemetry.total("promptcache.tokens", promptcache__token__state=state)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", URLS)
def test_what_was_read_is_what_is_reported(
    started: Started, telemetry: Telemetry, name: str, stream: bool
) -> None:
    server = started(name, **FLAGGED[name])
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if stream else {}
    questions = [*"AABACBDDAEC"]
    for question in questions:
        server.ask(prompt(question), stream=stream, **options)
    reported = 1 if name in ("sglang", "groq") else 0  # a first miss without details is not recognised
    known = server.truth[reported:]
    assert tokens(telemetry, "read") == sum(read for _, read in known) > 0
    counted = sum(tokens(telemetry, state) for state in ("read", "uncached", "write"))
    assert counted == sum(size for size, _ in known)


def test_vllm_reads_blocks_from_the_second_request_on(started: Started) -> None:
    server = started("vllm", cache_report=True)
    first, second = server.ask(prompt("B")), server.ask(prompt("C"))
    assert said(first, "gen_ai.provider.name", RESULT, READ, REASON) == ("_OTHER", "miss", 0, "cold_start")
    assert said(second, RESULT, READ, REASON) == ("hit", 992, None)
    assert SAVED not in second


def test_a_conversation_with_vllm_is_read_with_its_answers(started: Started) -> None:
    server = started("vllm", cache_report=True, output_tokens=200)
    messages = prompt("question")
    for turn in range(5):
        answer = server.reply(messages)
        messages += [
            {"role": "assistant", "content": answer},
            {"role": "user", "content": filler_text(100, f"turn {turn}")},
        ]
        told = server.ask(messages)
        assert said(told, RESULT, REASON) == ("hit", None)
    assert said(told, READ) == (server.truth[-1][1],)


@pytest.mark.parametrize("hosts", [{}, {"vllm.internal:8000": "vllm"}])
@pytest.mark.parametrize("wait_seconds", [1.0, 600.0, 24 * HOUR])
def test_an_eviction_is_nobodys_doing(started: Started, hosts: dict[str, str], wait_seconds: float) -> None:
    server = started("vllm", hosts=hosts, cache_report=True, max_cache_entries=200)
    for _ in range(30):
        told = server.ask(prompt("B"))
    assert said(told, RESULT, REASON) == ("hit", None)
    for number in range(3):
        server.ask(prompt("another", 1_500, filler_text(500, f"system {number}")))
    server.clock.advance(wait_seconds)
    told = server.ask(prompt("B"))
    assert said(told, RESULT, READ, REASON) == ("miss", 0, None)
    assert "promptcache.miss.tokens" not in told


def test_half_an_eviction_is_nobodys_doing_either(started: Started, telemetry: Telemetry) -> None:
    server = started("vllm", cache_report=True, max_cache_entries=130)
    server.ask(prompt("B"))
    server.ask(prompt("another", 800, filler_text(500, "another system")))
    told = server.ask(prompt("B"))
    assert 0 < told[READ] < 1_000
    assert said(told, RESULT, REASON) == ("hit", None)
    assert telemetry.total("promptcache.misses", promptcache__miss__reason="provider") == 0


@pytest.mark.parametrize("name", ["vllm", "sglang"])
def test_without_its_flag_nothing_is_known_of_a_server(
    started: Started, telemetry: Telemetry, name: str
) -> None:
    server = started(name)
    told = [server.ask(prompt(question)) for question in "BBC"]
    assert [said(each, RESULT, READ, REASON) for each in told] == [("unknown", None, None)] * 3
    assert server.truth[1][1] > 1_000
    assert "promptcache.tokens" not in telemetry.metrics()


def test_sglang_leaves_out_what_a_miss_read(started: Started) -> None:
    server = started("sglang", cache_report=True)
    told = [server.ask(prompt("B")), server.ask(prompt("B"))]
    told.append(server.ask(prompt("C", system=filler_text(1_000, "another system"))))
    server.simulator.evict()
    told.append(server.ask(prompt("B")))
    size, frame = server.truth[0][0], 2
    assert [said(each, RESULT, READ, REASON) for each in told] == [
        ("unknown", None, None),
        ("hit", size - 1, None),
        ("hit", frame, None),  # all prompts begin with the same tokens of the chat template
        ("miss", 0, None),
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_deepseeks_miss_of_a_common_prefix_is_nobodys_doing(
    started: Started, telemetry: Telemetry, stream: bool
) -> None:
    server = started("deepseek")
    options: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    told = [server.ask(prompt(question), **options) for question in "BCD"]
    assert [said(each, RESULT, READ, REASON) for each in told] == [
        ("miss", 0, "cold_start"),
        ("miss", 0, None),
        ("hit", 960, None),
    ]
    assert not any("promptcache.miss.tokens" in each for each in told[1:])
    assert (told[2].get(SAVED, 0.0) > 0) is HAS_PRICES
    assert telemetry.total("promptcache.misses") == 1


def test_deepseek_expires_nothing(started: Started) -> None:
    server = started("deepseek")
    server.ask(prompt("B"))
    server.clock.advance(12 * HOUR)
    assert said(server.ask(prompt("B")), RESULT, REASON) == ("hit", None)
    assert server.simulator.evict() > 0
    server.clock.advance(12 * HOUR)
    assert said(server.ask(prompt("B")), RESULT, REASON) == ("miss", None)


def test_groqs_silence_about_misses_is_no_better_ratio(started: Started, telemetry: Telemetry) -> None:
    server = started("groq")
    assert server.ask(prompt("warm"))[RESULT] == "unknown"
    hit = server.ask(prompt("warm"))
    for number in range(9):
        system = filler_text(1_000, f"system {number}")
        assert said(server.ask(prompt("cold", system=system)), RESULT, READ) == ("miss", 0)
    known = server.truth[1:]
    true_ratio = sum(read for _, read in known) / sum(size for size, _ in known)
    read, uncached = tokens(telemetry, "read"), tokens(telemetry, "uncached")
    assert read / (read + uncached) == true_ratio == hit[READ] / sum(size for size, _ in known)
    assert true_ratio < 0.1


def test_a_stream_of_groq_has_usage_that_nobody_asked_for(started: Started) -> None:
    server = started("groq")
    server.ask(prompt("B"), stream=True)
    told = server.ask(prompt("B"), stream=True)
    assert said(told, RESULT, READ, REASON) == ("hit", server.truth[-1][1], None)


def test_groq_expires_after_two_hours_without_use(started: Started) -> None:
    server = started("groq")
    server.ask(prompt("B"))
    server.clock.advance(1.9 * HOUR)
    assert said(server.ask(prompt("B")), RESULT, REASON) == ("hit", None)
    server.clock.advance(2.1 * HOUR)
    assert said(server.ask(prompt("B")), RESULT, READ, REASON) == ("miss", 0, "expired")
