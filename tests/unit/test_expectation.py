"""How many tokens could have been read: by the rules of each generation, by age, scope and what is in flight."""

from __future__ import annotations

from typing import Any

import pytest

from otel_promptcache.core.diagnosis.expectation import Expectation
from otel_promptcache.core.diagnosis.token_estimates import Estimate, estimated_offset_tokens
from otel_promptcache.core.exchange import Reply
from otel_promptcache.core.policy import UNKNOWN_POLICY
from tests.unit.prompts import (
    EXPLICIT,
    MIDDLE,
    NEW,
    OLD,
    Application,
    Body,
    assistant,
    chat,
    marked,
    prompt_of,
    prose,
    system,
    user,
)

NOTHING = Estimate(0, 0)
RULES = system(prose(3_000))


def expectation(
    *sent: Body, then: Body, after_seconds: float = 0.0, read: int = 0, **options: Any
) -> Expectation:
    """What can be read for a request, after others were answered."""
    application = Application(**options)
    for body in sent:
        application.send(body)
    application.now_seconds += after_seconds
    return application.expectation(then, read=read)


@pytest.mark.parametrize(
    ("model", "shared", "question", "readable"),
    [
        (OLD, 1_000, 100, 0),  # below the minimum
        (OLD, 1_040, 100, 1_024),
        (OLD, 1_140, 100, 1_024),
        (OLD, 1_160, 100, 1_152),
        (OLD, 3_000, 2_000, 2_944),
        (MIDDLE, 2_040, 100, 0),
        (MIDDLE, 2_060, 100, 2_048),
        (MIDDLE, 4_080, 100, 2_048),
        (MIDDLE, 4_100, 100, 4_096),
        (NEW, 3_000, 100, 3_000),
        (NEW, 1_020, 100, 0),
        (NEW, 1_040, 100, 1_040),
    ],
)
def test_what_is_shared_is_cut_to_what_the_model_can_match(
    model: str, shared: int, question: int, readable: int
) -> None:
    # From gpt-5.6 on, only what ends at a boundary counts, so the shared part ends with a message.
    earlier, grown = (
        [user(prose(shared))],
        [user(prose(shared)), assistant("Fine."), user(prose(question, "q"))],
    )
    found = expectation(chat(*earlier, model=model), then=chat(*grown, model=model))
    assert found.readable.tokens == readable


def test_a_model_without_a_cache_can_read_nothing() -> None:
    body = chat(RULES, model="gpt-4")
    assert expectation(body, then=body).readable == NOTHING


def test_what_is_not_known_excludes_nothing() -> None:
    body = chat(system(prose(300)), model="llama-4")
    assert expectation(body, then=body, policy=UNKNOWN_POLICY).readable.tokens == 256


def test_nothing_can_be_read_before_something_was_sent() -> None:
    found = expectation(then=chat(RULES))
    assert found.readable == found.lapsed == found.unmarked == found.elsewhere == found.in_flight == NOTHING
    assert found.closest_scope is None
    assert found.avoidable_tokens == 0


def test_in_steps_two_prompts_agree_up_to_where_they_part_inside_a_text() -> None:
    old, new = (chat(system(prose(3_000) + f"You talk to {name}.")) for name in ("Ann", "Bob"))
    found = expectation(old, then=new)
    assert found.readable.tokens == found.lapsed.tokens == found.unmarked.tokens == 2_944
    assert expectation({**old, "model": NEW}, then={**new, "model": NEW}).readable == NOTHING


@pytest.mark.parametrize(
    ("model", "members", "seconds"),
    [
        (OLD, {}, 300),
        (OLD, {"prompt_cache_retention": "24h"}, 86_400),
        (OLD, {"prompt_cache_retention": "in_memory"}, 300),
        (MIDDLE, {"prompt_cache_retention": "24h"}, 1_800),
        (NEW, {}, 1_800),
        (NEW, {"prompt_cache_options": {"ttl": "30m"}}, 1_800),
        (NEW, {"prompt_cache_options": {"ttl": "12h"}}, 43_200),
    ],
)
def test_what_is_older_than_its_lifetime_can_not_be_read(model: str, members: Body, seconds: float) -> None:
    body = chat(user(prose(3_000)), model=model, **members)
    alive = expectation(body, then=body, after_seconds=seconds)
    assert alive.readable == alive.lapsed != NOTHING
    gone = expectation(body, then=body, after_seconds=seconds + 1)
    assert gone.readable == NOTHING
    assert gone.lapsed == alive.lapsed


@pytest.mark.parametrize(("ttl", "is_alive"), [("30m", False), ("12h", True)])
def test_a_breakpoint_can_have_a_lifetime_of_its_own(ttl: str, is_alive: bool) -> None:
    body = chat(marked(RULES, ttl=ttl), user("Hi"), model=NEW)
    later = expectation(body, then=body, after_seconds=3_600)
    assert later.readable.tokens == (3_000 if is_alive else 0)


def new(*messages: Body, **members: Any) -> Body:
    return chat(*messages, model=NEW, **members)


HI, HO = user("Hi there."), user("Hello.")
BOUNDARIES: dict[str, tuple[Body, Body, int, int]] = {
    # Earlier request, later request, readable tokens, and shared tokens wherever they end.
    "no boundary at the end of the rules": (new(RULES, HI), new(RULES, HO), 0, 3_000),
    "a marked one": (new(marked(RULES), HI), new(marked(RULES), HO), 3_000, 3_000),
    "one that is not looked up": (new(marked(RULES), HI), new(RULES, HO), 0, 3_000),
    "one that was not left": (new(RULES, HI), new(marked(RULES), HO), 0, 3_000),
    "the rules by themselves": (new(RULES), new(RULES, HO), 3_000, 3_000),
    "growth": (new(RULES, HI), new(RULES, HI, assistant("Yes."), HO), 3_002, 3_002),
    "the same": (new(RULES, HI), new(RULES, HI), 3_002, 3_002),
    "from implicit to explicit": (new(RULES, HI), new(RULES, marked(HI), **EXPLICIT), 0, 3_002),
    "from explicit to implicit": (new(RULES, marked(HI), **EXPLICIT), new(RULES, HI), 0, 3_002),
    "explicit and the same": (new(marked(RULES), HI, **EXPLICIT), new(marked(RULES), HO, **EXPLICIT), 3_000, 3_000),
    "explicit without a breakpoint": (new(marked(RULES), HI, **EXPLICIT), new(RULES, HI, **EXPLICIT), 0, 3_002),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "then", "readable", "unmarked"), BOUNDARIES.values(), ids=BOUNDARIES)
def test_from_the_newest_generation_on_only_boundaries_can_be_read(
    sent: Body, then: Body, readable: int, unmarked: int
) -> None:
    found = expectation(sent, then=then)
    assert (found.readable.tokens, found.unmarked.tokens) == (readable, unmarked)


def test_the_fifth_breakpoint_from_the_end_is_not_written() -> None:
    turns = [marked(user(prose(1_200, topic))) for topic in "abcdef"]
    sent = new(*turns, **EXPLICIT)
    for kept, readable in ((1, 0), (2, 0), (3, 3_600), (6, 7_200)):
        then = new(*turns[:kept], user("Else"), **EXPLICIT)
        assert expectation(sent, then=then).readable.tokens == readable


def test_twenty_earlier_messages_can_be_read_back_to() -> None:
    turns = [turn for number in range(30) for turn in (user(prose(1_200, f"u{number}")), assistant("Yes."))]
    application = Application()
    application.send(new(*turns[:1]))
    assert application.expectation(new(*turns[:39])).readable.tokens > 0
    assert application.expectation(new(*turns[:43])).readable.tokens == 0


def test_other_scopes_are_elsewhere_and_the_closest_one_is_named() -> None:
    application = Application()
    application.send(chat(RULES, prompt_cache_key="a", reasoning_effort="low"))
    application.send(chat(RULES, prompt_cache_key="b"))
    then = chat(RULES, prompt_cache_key="c")
    found = application.expectation(then)
    assert found.readable == found.unmarked == NOTHING
    assert found.elsewhere.tokens == 2_944
    assert found.closest_scope is not None
    assert found.closest_scope.reasoning_effort == ""
    application.now_seconds += 301
    assert application.expectation(then).elsewhere == NOTHING
    assert application.expectation(then).closest_scope is None


def test_a_scope_in_which_much_less_was_sent_is_not_the_closest() -> None:
    application = Application()
    application.send(chat(RULES, user(prose(5_000)), prompt_cache_key="a", reasoning_effort="low"))
    application.send(chat(RULES, prompt_cache_key="b"))
    found = application.expectation(chat(RULES, user(prose(5_000)), prompt_cache_key="c"))
    assert found.closest_scope is not None
    assert found.closest_scope.reasoning_effort == "low"


def test_the_tier_that_really_served_makes_the_scope() -> None:
    application = Application()
    for _ in range(2):
        diagnosis = application.send(chat(RULES), reply=Reply(service_tier="priority"))
    assert diagnosis.expected_tokens == 2_944


def test_what_was_not_answered_yet_can_not_be_read() -> None:
    application = Application()
    pending = application.open(chat(RULES, HI))
    found = application.expectation(chat(RULES, HO))
    assert (found.readable, found.in_flight.tokens) == (NOTHING, 2_944)
    pending.close()
    assert application.expectation(chat(RULES, HO)).in_flight == NOTHING


@pytest.mark.parametrize(
    ("pending", "then", "in_flight"),
    [
        (new(RULES, HI), new(RULES, HI), 3_002),
        (new(RULES, HI), new(RULES, HO), 0),  # there will be no boundary where they diverge
        (new(marked(RULES), HI), new(marked(RULES), HO), 3_000),
        (new(RULES, HI), new(RULES, marked(HI), **EXPLICIT), 0),
    ],
)
def test_of_what_is_in_flight_only_its_boundaries_will_be_readable(
    pending: Body, then: Body, in_flight: int
) -> None:
    application = Application()
    application.open(pending)
    assert application.expectation(then).in_flight.tokens == in_flight


def test_tokens_are_estimated_from_bytes_and_may_be_off_by_a_quarter() -> None:
    application = Application()
    application.send(chat(RULES, user(prose(1_000, "a"))))
    then = chat(RULES, user(prose(1_000, "b")))
    found = application.expectation(then, input_tokens=8_000)
    assert found.readable == Estimate(tokens=5_888, sure_tokens=4_480)


def test_a_reported_number_is_no_estimate() -> None:
    application = Application()
    application.send(chat(RULES), input_tokens=4_000)
    then = chat(RULES, user(prose(1_000)))
    assert application.expectation(then, input_tokens=9_000).readable == Estimate(3_968, 3_968)


def test_the_whole_prompt_is_no_estimate() -> None:
    application = Application()
    application.send(chat(RULES), read=None)
    assert application.expectation(chat(RULES), input_tokens=4_000).readable == Estimate(3_968, 3_968)


def test_a_reported_number_that_exceeds_the_whole_is_not_used() -> None:
    application = Application()
    application.send(chat(RULES), input_tokens=9_000)
    then = chat(RULES, user(prose(1_000)))
    assert application.expectation(then, input_tokens=4_000).readable.tokens == 2_944


def test_where_an_estimate_may_be_below_the_minimum_nothing_is_sure() -> None:
    application = Application()
    application.send(chat(system(prose(1_100)), HI))
    found = application.expectation(chat(system(prose(1_100)), user(prose(500, "q"))))
    assert found.readable == Estimate(tokens=1_024, sure_tokens=0)


def test_an_image_counts_the_same_by_url_and_by_data() -> None:
    def look(url: str) -> Body:
        image = {"type": "image_url", "image_url": {"url": url}}
        return chat(RULES, {"role": "user", "content": [image]})

    by_url, by_data = look("https://example.com/a.png"), look("data:image/png;base64," + "A" * 400_000)
    application = Application()
    application.send(look("https://example.com/b.png"))
    for body in (by_url, by_data):
        assert application.expectation(body, input_tokens=3_765).readable.tokens == 2_944


@pytest.mark.parametrize(("model", "tolerance"), [(OLD, 128), (NEW, 128), (MIDDLE, 512)])
def test_rounding_is_tolerated(model: str, tolerance: int) -> None:
    assert expectation(then=chat(RULES, model=model)).tolerance_tokens == tolerance


def test_what_stands_behind_the_divergence_was_avoidable() -> None:
    old, then = (chat(system(f"At {hour}:30.\n" + prose(3_000)), HI) for hour in (8, 9))
    assert expectation(old, then=then).avoidable_tokens == pytest.approx(3_000, abs=2)


@pytest.mark.parametrize(("read", "avoidable"), [(0, 3_000), (1_024, 1_980), (2_944, 60)])
def test_what_was_read_behind_the_divergence_was_not_spoiled(read: int, avoidable: int) -> None:
    old, then = (chat(system(f"At {hour}:30.\n" + prose(3_000)), HI) for hour in (8, 9))
    assert expectation(old, then=then, read=read).avoidable_tokens == pytest.approx(avoidable, abs=5)


def test_an_empty_prompt_has_no_offsets() -> None:
    empty = prompt_of(chat())
    assert estimated_offset_tokens(empty, 0, 100) == 0
    assert expectation(chat(), then=chat()).readable == NOTHING
    half = prompt_of(chat(user("a" * 100)))
    assert estimated_offset_tokens(half, 50, 300) == 150
