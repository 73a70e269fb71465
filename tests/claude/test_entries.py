"""Verdicts on entries of Claude's cache, which only reads and writes tell of: real SDK, simulated cache, settable clock."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_promptcache
from otel_promptcache.calls import call as call_module
from otel_promptcache.sim import filler_text
from otel_promptcache.sim.messages.cache import MessagesCache
from otel_promptcache.sim.messages.prompt import read_prompt
from tests.claude.wire import client
from tests.unit.prompts import Body

SHORT: Body = {"cache_control": {"type": "ephemeral"}}
LONG: Body = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
OPUS, SONNET, HAIKU = "claude-opus-5", "claude-sonnet-5", "claude-haiku-4-5"


class Verdict(NamedTuple):
    """What a span says, and what the cache did."""

    read: int
    result: str | None
    reason: str | None
    missed: int | None
    expected: int | None
    path: str | None


class World:
    """One provider, and one process after another."""

    def __init__(self) -> None:
        self.now_seconds = 10_000.0
        self.loses = False
        self._cache, self._answers = MessagesCache(), 0
        self._factors: dict[str, float] = {}
        self.restart()

    def weigh(self, **factors: float) -> None:
        """Have models, by their family, count so many times as many tokens."""
        self._factors = factors

    def restart(self) -> None:
        if self._answers:
            otel_promptcache.uninstrument()
        self._spans, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._spans))
        otel_promptcache.instrument(tracer_provider=provider, meter_provider=MeterProvider())

    def ask(self, body: Body, *, loses: bool = False, wait_seconds: float = 5) -> Verdict:
        """Send a request, and wait after it.

        Args:
            body: The request.
            loses: The provider has lost what it could have read.
            wait_seconds: The pause after the answer.
        """
        self.loses = loses
        stated = {name: body[name] for name in ("model", "max_tokens", "messages")}
        more = {name: value for name, value in body.items() if name not in stated}
        client(self._reply).messages.create(**json.loads(json.dumps(stated)), extra_body=more)
        said = self._spans.get_finished_spans()[-1].attributes or {}
        names = ("result", "miss.reason", "miss.tokens", "expected_tokens", "divergence.path")
        self.now_seconds += wait_seconds
        return Verdict(self._read, *[said.get(f"promptcache.{name}") for name in names])  # type: ignore[arg-type]

    def _reply(self, _: object, body: Body) -> Body:
        found = self._cache.read(read_prompt(body), "ws", body["model"], self.now_seconds, miss=self.loses)
        self.now_seconds += 1
        self._cache.write(found)
        self._answers += 1
        factor = next((each for name, each in self._factors.items() if name in body["model"]), 1.0)
        total, read, written = [
            round(each * factor) for each in (found.input_tokens, found.cached_tokens, found.write_tokens)
        ]
        self._read = read
        usage = {
            "input_tokens": total - read - written, "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written, "output_tokens": 3,
            "cache_creation": {
                f"ephemeral_{ttl}_input_tokens": round(tokens * factor)
                for ttl, tokens in found.write_tokens_by_ttl.items()
            },
        }  # fmt: skip
        return {
            "id": f"msg_{self._answers}", "type": "message", "role": "assistant", "model": body["model"],
            "content": [{"type": "text", "text": "Ok."}], "stop_reason": "end_turn", "stop_sequence": None,
            "usage": usage,
        }  # fmt: skip


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World()
    clock = SimpleNamespace(perf_counter=lambda: made.now_seconds, time_ns=time.time_ns)
    monkeypatch.setattr(call_module, "time", clock)
    yield made
    otel_promptcache.uninstrument()


def text(tokens: int, seed: str, mark: Body | None = None) -> Body:
    return {"type": "text", "text": filler_text(tokens, seed), **(mark or {})}


def request(system: list[Body], *content: Body, model: str = OPUS, **members: Any) -> Body:
    messages = [{"role": "user", "content": list(content)}]
    return {"model": model, "max_tokens": 9, "system": system, "messages": messages, **members}


def question(number: int, mark: Body | None = SHORT, **members: Any) -> Body:
    """A new question after the same 3,000 tokens."""
    return request([text(3_000, "system", mark)], text(60, f"question {number}"), **members)


def test_an_entry_that_was_only_read_is_known_afterwards(world: World) -> None:
    world.ask(question(0))
    world.restart()
    assert world.ask(question(1)).result == "hit"
    lost = world.ask(question(2), loses=True)
    assert (lost.reason, lost.missed, lost.expected) == ("unseen", 3_000, 3_000)


def test_a_setting_with_which_the_entry_was_read_is_not_what_changed(world: World) -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1_024}}
    world.ask(question(0))
    assert world.ask(question(1, **thinking)).read == 3_000
    assert world.ask(question(2, **thinking), loses=True)[2:5] == ("provider", 3_000, 3_000)


def test_an_entry_that_is_read_again_and_again_has_not_expired(world: World) -> None:
    world.ask(question(0, LONG), wait_seconds=3_480)
    world.ask(question(1, LONG), wait_seconds=600)
    assert world.ask(question(2, LONG), wait_seconds=60).read == 3_000
    assert world.ask(question(3, LONG), wait_seconds=60).expected == 3_000
    assert world.ask(question(4, LONG), loses=True).reason == "provider"


def test_a_read_measures_the_only_entry_that_it_can_have_ended_at(world: World) -> None:
    """The bytes of a log have more tokens than those of prose."""
    seed = random.Random(5)  # noqa: S311  # made-up lines

    def lines() -> str:
        times = [(seed.randrange(10, 60), seed.randrange(999), seed.randrange(10**5)) for _ in range(300)]
        return "".join(
            [f"2026-11-27T15:{one}:{one}.{two}Z INFO [{three}] took {two}ms\n" for one, two, three in times]
        )

    rules = text(4_000, "system", SHORT)
    conversations = [
        world.ask(request([rules], {"type": "text", "text": lines(), **SHORT})) for _ in range(4)
    ]
    assert [each.read for each in conversations] == [0, 4_000, 4_000, 4_000]
    assert [each[1:5] for each in conversations[1:]] == [("hit", None, None, 4_000)] * 3


def test_a_length_is_of_the_model_that_reported_it(world: World) -> None:
    world.weigh(opus=1.3)

    def prompt(number: int, model: str) -> Body:
        return request([text(3_000, "system", SHORT)], text(2_500, f"question {number}"), model=model)

    said = [world.ask(prompt(number, model)) for number, model in enumerate((SONNET, OPUS) * 3)]
    assert said[1][2:4] == ("model_changed", 3_900)
    assert [(each.result, each.expected) for each in said[2:]] == [("hit", 3_000), ("hit", 3_900)] * 2


def test_a_shorter_read_is_a_loss_if_a_shorter_entry_is_known(world: World) -> None:
    rules = text(3_000, "system", SHORT)
    world.ask(request([rules], text(60, "first")))
    turn = request([rules], text(3_000, "document", SHORT), text(50, "a"))
    world.ask(turn)
    assert world.ask(request([rules], text(3_000, "document", SHORT), text(50, "b")))[:2] == (6_000, "hit")


def test_what_follows_the_last_mark_is_not_lost(world: World) -> None:
    system = text(3_000, "system", SHORT)
    conversation = [text(6_000, "one"), text(3_000, "two")]
    for _ in range(2):
        world.ask(request([system], *conversation))
    assert world.ask(request([system], *conversation, tool_choice={"type": "none"}))[:3] == (
        3_000,
        "hit",
        None,
    )
    other = world.ask(request([system], *conversation, model=SONNET))
    assert (other.reason, other.missed) == ("model_changed", 3_000)
    timed = {**system, "text": "It is 2026-11-20T10:11:12Z. " + system["text"]}
    changed = world.ask(request([timed], *conversation))
    assert changed.reason == "input_changed"
    assert changed.missed == pytest.approx(3_000, rel=0.02)


@pytest.mark.parametrize(
    "first", [question(0, None), question(0, model=HAIKU)], ids=["unmarked", "too short"]
)
def test_a_prompt_that_was_not_cached_is_on_no_other_model(world: World, first: Body) -> None:
    assert world.ask(first).read == 0
    assert world.ask(question(1, model=SONNET))[2:4] == ("cold_start", 0)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (question(1, LONG, model=SONNET), "model_changed"),
        (question(1, None), "caching_disabled"),
        (
            request(
                [text(3_000, "system")],
                *[text(10, f"block {index}") for index in range(25)],
                text(700, "end", LONG),
            ),
            "no_matching_breakpoint",
        ),
    ],
)
def test_an_entry_of_an_hour_is_there_after_seven_minutes(world: World, second: Body, reason: str) -> None:
    world.ask(question(0, LONG), wait_seconds=400)
    assert world.ask(second)[2:4] == (reason, 3_000)


def test_entries_of_an_hour_outlive_the_five_minutes_of_what_follows(world: World) -> None:
    def prompt(model: str) -> Body:
        return request([text(3_000, "system", LONG)], text(2_000, "document", SHORT), model=model)

    world.ask(prompt(OPUS), wait_seconds=400)
    changed = world.ask(prompt(SONNET))
    assert (changed.reason, changed.missed) == ("model_changed", pytest.approx(3_000, abs=5))


def test_a_tool_at_the_end_spoils_the_instructions(world: World) -> None:
    def prompt(count: int) -> Body:
        tools: list[Body] = [
            {
                "name": f"t{index}",
                "description": filler_text(500, f"t{index}"),
                "input_schema": {"type": "object"},
            }
            for index in range(count)
        ]
        tools[-1] |= SHORT
        return request([text(2_000, "system", SHORT)], text(60, f"question {count}"), tools=tools)

    for _ in range(2):
        world.ask(prompt(3))
    added = world.ask(prompt(4))
    assert (added.result, added.reason, added.path) == ("partial", "tools_changed", "tools[3]")
    assert added.missed == pytest.approx(2_000, rel=0.05)


def test_a_change_near_the_minimum_costs_all_that_was_readable(world: World) -> None:
    prompt = request([text(600, "system")], text(700, "document", SHORT), model=SONNET)
    for _ in range(2):
        world.ask(prompt)
    changed = world.ask({**prompt, "tool_choice": {"type": "none"}})
    assert (changed.reason, changed.missed, changed.path) == ("settings_changed", 1_300, "tool_choice")


def test_what_was_read_before_is_more_than_the_minimum_for_certain(world: World) -> None:
    def prompt(number: int) -> Body:
        document = text(300, f"document {number}", SHORT)
        return request([text(5_000, "system", SHORT)], document, model=HAIKU)

    for number in range(3):
        world.ask(prompt(number), wait_seconds=600 if number == 2 else 5)
    assert world.ask(prompt(3))[2:4] == ("expired", 5_000)
    assert world.ask(prompt(4), loses=True)[2:4] == ("provider", 5_000)


@pytest.mark.parametrize(
    "default", [{"output_config": {"effort": "high"}}, {"thinking": {"type": "disabled"}}], ids=str
)
def test_a_default_that_is_named_changes_nothing(world: World, default: Body) -> None:
    world.ask(question(0))
    world.ask(question(1, **default))
    assert world.ask(question(2, **default), loses=True).reason == "provider"
