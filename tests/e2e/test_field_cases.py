"""Cases from public issue trackers: each is explained, and blamed on the right side."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from openai import OpenAI

from otel_promptcache.core.prompt.chain import MAX_SEGMENTS
from otel_promptcache.sim import ManualClock, SimConfig, Simulator
from tests.conftest import Telemetry
from tests.unit.prompts import (
    EXPLICIT,
    MIDDLE,
    NEW,
    OLD,
    Body,
    Seen,
    Watched,
    assistant,
    chat,
    marked,
    prose,
    system,
    tool,
    user,
)

RULES = system(prose(4_000))
TOOLS = [tool(name, prose(80, name)) for name in ("search", "read", "write", "run", "list", "ask")]
# Our own, because Python 3.10 has no price list.
PRICES = {model: {"input": 4.0, "cache_read": 0.4} for model in (OLD, MIDDLE, NEW)}
NOT_THE_APPLICATION = {"provider", "rate_overflow", "cold_start", "below_minimum", None}


@pytest.fixture
def watched(simulator: Simulator, telemetry: Telemetry) -> Iterator[Watched]:
    telemetry.instrument(prices=PRICES)
    with OpenAI(base_url=simulator.base_url, api_key="key", max_retries=0) as client:
        yield Watched(client, simulator, telemetry)


def assert_spoiled(seen: list[Seen], reason: str, place: tuple[str, str]) -> None:
    """Assert that all but the first have this reason at this place, and that it is the application's doing."""
    assert reason not in NOT_THE_APPLICATION
    assert seen[0].reason == "cold_start"
    for each in seen[1:]:
        assert (each.reason, each.place) == (reason, place)
        assert each.result == ("partial" if each.read_tokens else "miss")
        assert each.missed_tokens
        assert each.missed_tokens > 128
        assert each.attributes["promptcache.missed_savings.amount"] > 0


def turns(count: int, *, tokens: int = 300) -> list[Body]:
    """A conversation of `count` questions and answers."""
    return [
        turn
        for number in range(count)
        for turn in (
            user(f"And {prose(20, f'question {number}')}?"),
            assistant(prose(tokens, f"answer {number}")),
        )
    ]


# The application's doing.


def test_a_clock_with_seconds_in_the_system_prompt(watched: Watched) -> None:
    seen = [
        watched.send(chat(system(f"The time is 2026-11-20T11:46:{second}Z.\n{prose(3_000)}"), user("Hi")))
        for second in range(10, 14)
    ]
    assert_spoiled(seen, "input_changed", ("messages[0].content", "timestamp"))
    assert {each.read_tokens for each in seen} == {0}


def test_milliseconds_below_the_instructions_leave_a_fixed_floor(watched: Watched) -> None:
    seen = [
        watched.send(chat(system(f"{prose(2_000)}Memory as of 1795175187{ms}:\n{prose(3_000, 'memory')}")))
        for ms in (123, 456, 789)
    ]
    assert_spoiled(seen, "input_changed", ("messages[0].content", "timestamp"))
    assert len({each.read_tokens for each in seen[1:]}) == 1
    offset = seen[1].attributes["promptcache.divergence.token"]
    assert offset == pytest.approx(seen[1].read_tokens, rel=0.1, abs=128)


@pytest.mark.parametrize(("model", "answer_tokens"), [(OLD, 300), (MIDDLE, 3_000)])
def test_what_is_read_stays_the_same_while_the_input_grows(
    model: str, answer_tokens: int, watched: Watched
) -> None:
    history = turns(6, tokens=answer_tokens)
    seen = [
        watched.send(
            chat(RULES, user(f"State {number}: {number} files open."), *history[: 2 * number], model=model)
        )
        for number in range(1, 7)
    ]
    assert_spoiled(seen, "input_changed", ("messages[1].content", "number"))
    assert len({each.read_tokens for each in seen[1:]}) == 1
    missed = [each.missed_tokens or 0 for each in seen[1:]]
    assert missed == sorted(missed)
    assert missed[-1] > 3 * missed[0]


def test_tools_in_an_order_of_chance(watched: Watched) -> None:
    chance = Random(1)  # noqa: S311  # reproducible on purpose
    orders = [TOOLS, *(chance.sample(TOOLS, len(TOOLS)) for _ in range(4))]
    seen = [watched.send(chat(RULES, user("Hi"), tools=order)) for order in orders]
    assert {each.reason for each in seen[1:]} == {"tools_changed"}
    assert {each.place[1] for each in seen[1:]} == {"reordered"}
    assert all(str(each.place[0]).startswith("tools[") for each in seen[1:])


def test_tools_from_an_unordered_map(watched: Watched) -> None:
    schema = {
        name: {"type": "string", "description": prose(20, name)} for name in ("query", "limit", "order")
    }
    seen = []
    for names in (("query", "limit", "order"), ("query", "order", "limit"), ("query", "limit", "order")):
        properties = {name: schema[name] for name in names}
        tools = [TOOLS[0], tool("find", properties=properties), TOOLS[1]]
        seen.append(watched.send(chat(RULES, user("Hi"), tools=tools)))
    path = "tools[1].function.parameters.properties[1].type"
    assert_spoiled(seen[:2], "tools_changed", (path, "reordered"))
    assert (seen[2].result, seen[2].reason) == ("hit", None)  # both orders are cached by now


def test_a_cache_key_for_each_user(watched: Watched) -> None:
    seen = [
        watched.send(chat(marked(RULES), user("Hi"), model=NEW, prompt_cache_key=f"user-{number}"))
        for number in range(4)
    ]
    assert [each.reason for each in seen] == ["cold_start", *["prompt_cache_key_changed"] * 3]
    assert [each.missed_tokens for each in seen[1:]] == [pytest.approx(seen[0].input_tokens, rel=0.3)] * 3
    assert all(each.place == (None, None) for each in seen)


def test_sessions_that_share_a_prefix_without_a_boundary(watched: Watched) -> None:
    def session(rules: Body, number: int) -> Seen:
        return watched.send(chat(rules, user(f"Do {'abcdefgh'[number] * 9}, please."), model=NEW))

    unmarked = [session(RULES, number) for number in range(3)]
    assert [each.read_tokens for each in unmarked] == [0, 0, 0]
    assert_spoiled(unmarked, "no_matching_breakpoint", ("messages[1].content", "edited"))
    with_breakpoint = [session(marked(RULES), 3 + number) for number in range(3)]
    assert [each.result for each in with_breakpoint] == ["miss", "hit", "hit"]
    assert with_breakpoint[-1].attributes["promptcache.hit_ratio"] > 0.98


def test_sticky_breakpoints_while_the_conversation_grows(watched: Watched) -> None:
    history = turns(4)
    sticky = [
        watched.send(chat(marked(RULES), *history[: 2 * number], user("Go on."), model=NEW, **EXPLICIT))
        for number in range(1, 5)
    ]
    assert [each.reason for each in sticky[1:]] == ["no_matching_breakpoint"] * 3
    assert len({each.read_tokens for each in sticky[1:]}) == 1
    rules = system(prose(4_000, "another agent"))
    implicit = [watched.send(chat(rules, *history[: 2 * count - 1], model=NEW)) for count in range(1, 5)]
    assert [each.result for each in implicit[1:]] == ["hit"] * 3


def test_a_window_that_slides_over_the_history(watched: Watched) -> None:
    history = turns(8)
    seen = [watched.send(chat(RULES, *history[start : start + 8], user("So?"))) for start in (0, 2, 4)]
    assert_spoiled(seen, "input_changed", ("messages[1].content", "truncated"))
    assert all(each.read_tokens > 3_000 for each in seen[1:])


def test_a_history_that_was_compacted(watched: Watched) -> None:
    history = [user(prose(600, topic)) for topic in ("one", "two", "three", "four")]
    seen = [
        watched.send({"model": "gpt-5.4", "instructions": RULES["content"], "input": items})
        for items in (history, [{"type": "compaction", "encrypted_content": "c2Vj"}, *history[1:]])
    ]
    assert (seen[1].reason, seen[1].place) == ("context_compacted", ("input[0]", "edited"))
    assert seen[1].result == "partial"


def test_rewritten_last_items_and_pure_appends(watched: Watched) -> None:
    history = turns(6, tokens=600)
    watched.send(chat(RULES, *history))
    appended = watched.send(chat(RULES, *history, user("Next?")))
    assert (appended.result, appended.reason) == ("hit", None)
    rewritten = [*history[:4], assistant("Summary: all is well."), *history[5:]]
    seen = watched.send(chat(RULES, *rewritten, user("Next?")))
    assert (seen.result, seen.reason, seen.place[0]) == ("partial", "input_changed", "messages[5].content")


# The provider's doing.


def test_a_single_dip_with_an_unchanged_prompt(watched: Watched) -> None:
    history = turns(6)
    seen = []
    for number in range(1, 7):
        if number == 4:
            watched.simulator.inject("miss")
        seen.append(watched.send(chat(RULES, *history[: 2 * number], user("Go on."))))
    assert [each.reason for each in seen] == ["cold_start", None, None, "provider", None, None]
    assert seen[3].place == (None, None)
    assert seen[3].missed_tokens == seen[3].expected_tokens > 4_000


@pytest.mark.parametrize("model", [OLD, MIDDLE, NEW])
def test_zeros_now_and_then_with_a_stable_key(model: str, watched: Watched) -> None:
    chance, reasons, zeros = Random(model), [], []  # noqa: S311  # reproducible on purpose
    body = chat(marked(RULES) if model == NEW else RULES, user("Hi"), model=model, prompt_cache_key="stable")
    watched.send(body)
    for _ in range(12):
        if chance.random() < 0.4:
            watched.simulator.inject("miss")
        seen = watched.send(body)
        zeros.append(seen.read_tokens == 0)
        reasons.append(seen.reason)
    assert True in zeros
    assert reasons == ["provider" if is_zero else None for is_zero in zeros]


def test_a_cache_that_takes_its_time_to_warm_up(telemetry: Telemetry) -> None:
    config = SimConfig(warm_up_seconds=10, prefill_seconds_per_1k_tokens=0, decode_seconds_per_token=0)
    clock = ManualClock()
    telemetry.instrument()
    with Simulator(config, clock=clock) as own, OpenAI(base_url=own.base_url, api_key="key") as client:
        watched = Watched(client, own, telemetry)
        seen = [watched.send(chat(RULES, user("Hi"))) for _ in range(2)]
        clock.advance(11)
        seen.append(watched.send(chat(RULES, user("Hi"))))
    assert [each.reason for each in seen] == ["cold_start", "provider", None]


def test_images_at_an_address_behind_stable_instructions_are_hits(watched: Watched) -> None:
    def look(number: int) -> Body:
        image = {"type": "image_url", "image_url": {"url": f"https://example.com/{number}.png"}}
        return {"role": "user", "content": [image, {"type": "text", "text": "What is it?"}]}

    rules = system(prose(2_000))
    seen = [watched.send(chat(rules, look(number))) for number in range(4)]
    assert [(each.result, each.reason) for each in seen[1:]] == [("hit", None)] * 3


def test_documents_in_another_script_behind_stable_instructions_are_hits(watched: Watched) -> None:
    documents = [f"请参阅{topic}的内容并据此回答问题。" * 200 for topic in ("订单", "天气", "图书", "音乐")]
    seen = [watched.send(chat(RULES, user(document))) for document in documents]
    assert [(each.result, each.reason) for each in seen[1:]] == [("hit", None)] * 3


def test_a_new_agent_that_shares_a_little_is_a_cold_start(watched: Watched) -> None:
    shared: Any = prose(400, "house style")
    watched.send(chat(system(prose(2_000, "mail") + shared), user("Hi")))
    seen = watched.send(chat(system(prose(2_000, "sales") + shared), user("Hi")))
    assert (seen.result, seen.reason, seen.missed_tokens) == ("miss", "cold_start", 0)


def test_a_prompt_of_too_many_messages_has_a_template_and_no_word_on_its_cache(watched: Watched) -> None:
    seen = [watched.send(chat(RULES, *[user("Hi")] * MAX_SEGMENTS)) for _ in range(2)]
    assert len({each.attributes["promptcache.prefix.fingerprint"] for each in seen}) == 1
    assert [each.reason for each in seen] == [None, None]
    assert "promptcache.expected_tokens" not in seen[1].attributes
