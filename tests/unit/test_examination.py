"""One prompt from sending to judgement: what is admitted, what is judged, what is not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from otel_promptcache.core.analyzer import analyze
from otel_promptcache.core.diagnosis.verdict import Diagnosis
from otel_promptcache.core.exchange import ProviderDiagnosis, Reply
from otel_promptcache.core.memory import index as index_module
from otel_promptcache.core.memory import piece_store as pieces_module
from otel_promptcache.core.money.pricing import ModelPrice
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.wire.anthropic.messages import MESSAGES
from otel_promptcache.wire.openai.responses import RESPONSES
from tests.unit.prompts import NEW, OLD, Application, Body, assistant, chat, marked, prose, system, tool, user

POLICY = policy_for("openai", OLD)
RULES = system(prose(3_000))
BODY = chat(RULES, user("Hi"))
USAGE = TokenUsage(input_tokens=3_000, cache_read_tokens=0)


def reason(diagnosis: Diagnosis) -> str | None:
    return diagnosis.reason and diagnosis.reason.value


def place(diagnosis: Diagnosis) -> tuple[str, str, int]:
    assert diagnosis.place is not None
    return diagnosis.place.path, diagnosis.place.kind.value, diagnosis.place.token


def test_the_first_request_is_a_cold_start_and_the_second_a_hit() -> None:
    application = Application()
    first, second = application.send(BODY), application.send(BODY, read=2_944)
    assert (reason(first), first.missed_tokens, first.expected_tokens) == ("cold_start", 0, 0)
    assert (reason(second), second.missed_tokens, second.expected_tokens) == (None, None, 2_944)


@pytest.mark.parametrize(
    "usage",
    [
        TokenUsage(),
        TokenUsage(input_tokens=3_000),
        TokenUsage(cache_read_tokens=0),
    ],
)
def test_what_was_not_reported_is_not_judged(usage: TokenUsage) -> None:
    application = Application()
    application.send(BODY)
    said = ProviderDiagnosis("input_changed", 100)
    assert application.open(BODY).judge(usage, said, POLICY) == Diagnosis()


def test_when_the_prompt_was_processed_is_told_by_the_first_answer() -> None:
    examination = Application().open(BODY)
    assert examination.processed_seconds is None
    examination.answered(Reply(service_tier="flex"), POLICY, 1_000.5)
    examination.answered(Reply(), POLICY, 1_060.0)
    assert (examination.processed_seconds, examination.sent.scope.service_tier) == (0.5, "flex")


def test_what_the_provider_never_got_it_has_not_processed() -> None:
    examination = Application().open(BODY)
    examination.answered_elsewhere()
    assert examination.processed_seconds is None


def test_a_request_that_was_not_answered_leaves_no_trace() -> None:
    application = Application()
    application.open(BODY).close()
    assert reason(application.send(BODY)) == "cold_start"
    assert not application.index._in_flight


def test_only_the_first_answer_counts() -> None:
    application = Application()
    examination = application.open(BODY)
    examination.answered(Reply(), POLICY, 1_000.0)
    examination.answered(Reply(), POLICY, 9_000.0)
    examination.close()
    application.now_seconds = 1_301.0
    assert reason(application.send(BODY)) == "expired"
    assert not application.index._in_flight


def test_two_requests_at_once_do_not_help_each_other() -> None:
    application = Application()
    first, second = application.open(BODY), application.open(BODY)
    for examination in (first, second):
        examination.answered(Reply(), POLICY, 1_001.0)
    assert [reason(each.judge(USAGE, None, POLICY)) for each in (first, second)] == [
        "cold_start",
        "concurrent",
    ]
    assert reason(application.send(BODY)) == "provider"


def test_what_is_read_less_than_a_step_is_no_miss() -> None:
    application = Application()
    application.send(BODY)
    assert application.send(BODY, read=2_816) == Diagnosis(expected_tokens=2_944, avoidable_tokens=0)
    assert reason(application.send(BODY, read=2_688)) == "provider"


TURNS = [RULES, user("One?"), assistant(prose(400, "one")), user("Two?"), assistant(prose(400, "two"))]
KEEPING: dict[str, tuple[list[Body], list[Body], int]] = {
    "growth": (TURNS[:3], TURNS, 3_328),
    "a rewind": (TURNS, TURNS[:3], 3_328),
    "another turn after a rewind": (TURNS, [*TURNS[:3], user("Three?")], 3_328),
    "a new question": (TURNS[:2], [RULES, user("Eins?")], 2_944),
}


@pytest.mark.parametrize(("before", "after", "read"), KEEPING.values(), ids=KEEPING)
def test_a_prompt_that_keeps_its_start_breaks_nothing(
    before: list[Body], after: list[Body], read: int
) -> None:
    application = Application()
    application.send(chat(*before))
    diagnosis = application.send(chat(*after), read=read)
    assert (reason(diagnosis), diagnosis.expected_tokens) == (None, read)


def test_a_time_on_top_spoils_what_follows_it() -> None:
    application = Application()
    for minute in (30, 31):
        diagnosis = application.send(chat(system(f"It is 9:{minute}.\n" + prose(3_000)), user("Hi")))
    assert (reason(diagnosis), diagnosis.missed_tokens) == ("input_changed", diagnosis.avoidable_tokens)
    assert diagnosis.avoidable_tokens == pytest.approx(3_000, abs=2)
    assert place(diagnosis) == ("messages[0].content", "timestamp", 0)


def test_the_same_fault_is_found_however_often_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces_module, "MAX_PIECES", 1_000)
    application, text = Application(), prose(2_000)
    for number in range(50):
        diagnosis = application.send(chat(system(f"It is 9:{number}.\n{text}")))
        assert reason(diagnosis) == ("input_changed" if number else "cold_start")


def test_the_place_is_estimated_in_tokens_of_this_prompt() -> None:
    application = Application()
    tools = [tool(name, prose(1_000, name)) for name in ("search", "read")]
    for description in ("Old.", "New."):
        diagnosis = application.send(chat(RULES, tools=[*tools, tool("write", description)]), read=1_920)
    path, kind, token = place(diagnosis)
    assert (reason(diagnosis), path, kind) == ("tools_changed", "tools[2].function.description", "edited")
    assert token == pytest.approx(2_090, abs=40)


def test_without_a_change_of_the_content_there_is_no_place() -> None:
    application = Application()
    application.send(chat(RULES, user("One?"), prompt_cache_key="a"))
    diagnosis = application.send(chat(RULES, user("Two?"), prompt_cache_key="b"))
    assert (reason(diagnosis), diagnosis.place) == ("prompt_cache_key_changed", None)


def test_what_another_process_sent_makes_a_hit_and_no_miss() -> None:
    application = Application()
    application.send(chat(system("You are Ann.\n" + prose(3_000)), user("Hi")))
    diagnosis = application.send(chat(system("You are Bob.\n" + prose(3_000)), user("Hi")), read=2_944)
    assert (reason(diagnosis), diagnosis.missed_tokens) == (None, None)
    assert diagnosis.avoidable_tokens is not None
    assert diagnosis.avoidable_tokens < 128


# The provider's own diagnosis.


def test_the_word_of_the_provider_wins() -> None:
    application = Application()
    application.send(BODY)
    changed = chat(system("Else.\n" + prose(3_000)), user("Hi"))
    diagnosis = application.send(changed, said=ProviderDiagnosis("tools_changed", 1_234))
    assert diagnosis.source is not None
    assert (reason(diagnosis), diagnosis.source.value, diagnosis.missed_tokens) == (
        "tools_changed",
        "provider",
        1_234,
    )
    assert diagnosis.expected_tokens == 0
    assert place(diagnosis) == ("messages[0].content", "added", 0)


def test_where_it_is_about_the_scope_no_place_is_named() -> None:
    application = Application()
    application.send(BODY)
    diagnosis = application.send(chat(user("x")), said=ProviderDiagnosis("model_changed", None))
    assert (diagnosis.place, diagnosis.missed_tokens) == (None, None)


def test_a_word_that_is_not_known_leaves_ours() -> None:
    application = Application()
    application.send(BODY)
    diagnosis = application.send(BODY, said=ProviderDiagnosis("something_new", 5))
    assert diagnosis.source is not None
    assert (reason(diagnosis), diagnosis.source.value) == ("provider", "client")


@pytest.mark.parametrize("response_id", ["resp_1", None])
def test_an_earlier_response_to_compare_with_has_a_name(response_id: str | None) -> None:
    application = Application()
    assert application.open(BODY).comparable_response_id is None
    application.send(BODY, reply=Reply(response_id=response_id))
    assert application.open(BODY).comparable_response_id == response_id


# Conversations that the provider stores.


def response(**members: Any) -> Body:
    return {"model": NEW, "instructions": prose(3_000), "input": [user(prose(2_000, "question"))], **members}


CONTINUED: dict[str, Body] = {
    "a previous response": {"previous_response_id": "resp_0"},
    "a conversation": {"conversation": "conv_1"},
    "a stored prompt": {"prompt": {"id": "pmpt_1"}},
    "a reference to an item": {"input": [{"type": "item_reference", "id": "msg_1"}, user("And?")]},
}


@pytest.mark.parametrize("members", CONTINUED.values(), ids=CONTINUED)
def test_where_the_request_shows_only_an_end_nothing_is_judged(members: Body) -> None:
    application = Application(RESPONSES)
    application.send(response())
    assert application.send(response(**members)) == Diagnosis()
    said = application.send(response(**members), said=ProviderDiagnosis("input_changed", 10))
    assert said == Diagnosis(reason=said.reason, source=said.source, missed_tokens=10)
    assert reason(said) == "input_changed"


@pytest.mark.parametrize("members", CONTINUED.values(), ids=CONTINUED)
def test_what_followed_something_unknown_does_not_stand_behind_the_instructions(members: Body) -> None:
    application = Application(RESPONSES)
    application.send({**response(**members), "model": "gpt-5"})
    fresh = application.send({**response(), "model": "gpt-5"}, read=2_944)
    assert (reason(fresh), fresh.expected_tokens) == (None, 2_944)


# Lifetimes and boundaries.


def test_the_newest_models_learn_where_their_boundary_is() -> None:
    application = Application()
    body = chat(marked(RULES), user("Hi"), model=NEW)
    application.send(body, write=3_100, input_tokens=3_200)
    grown = {**body, "messages": [*body["messages"], assistant("Yes."), user("So?")]}
    assert application.send(grown, read=3_200, input_tokens=3_300).expected_tokens == 3_100


def test_a_write_where_we_know_no_boundary_teaches_nothing() -> None:
    application = Application()
    body = chat(assistant(prose(3_000)), model=NEW)
    application.send(body, write=1_500)
    (step,) = application.index.match_prefix(application.open(body).sent, 0.0).steps
    assert step.tokens == application.tokens(body)


def test_a_boundary_lives_as_long_as_its_request_asked_for() -> None:
    application = Application()
    body = chat(RULES, model=NEW, prompt_cache_options={"ttl": "12h"})
    application.send(body)
    application.now_seconds += 40_000
    assert reason(application.send(body)) == "provider"


def test_an_empty_prompt_is_judged_as_well() -> None:
    application = Application()
    assert reason(application.send(chat(), input_tokens=10)) == "cold_start"


def test_threads_that_share_an_index_are_judged_each_for_itself() -> None:
    application = Application()
    application.send(BODY)

    def work(number: int) -> str | None:
        return reason(application.send(chat(RULES, user(f"Question {number}?")), read=2_944))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(100))) == {None}
    assert not application.index._in_flight


def test_where_a_model_with_other_rules_answers_only_the_provider_knows() -> None:
    application = Application()
    application.send(BODY)
    examination = application.open(BODY, policy=policy_for("openai", OLD))
    policy, said = policy_for("openai", NEW), ProviderDiagnosis("input_changed", 100)
    examination.answered(Reply(), policy, 1_000.0)
    assert examination.judge(USAGE, None, policy) == Diagnosis()
    assert reason(examination.judge(USAGE, said, policy)) == "input_changed"


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (TokenUsage(input_tokens=3_000_000, cache_read_tokens=0), 2.0),
        (TokenUsage(input_tokens=3_000_000, cache_read_tokens=2_500_000), 0.5),
        (TokenUsage(input_tokens=3_000_000, cache_read_tokens=0, cache_write_tokens=2_500_000), 2.5),
        (TokenUsage(input_tokens=3_000_000), None),
    ],
)
def test_what_was_missed_has_its_price(usage: TokenUsage, dollars: float | None) -> None:
    price = ModelPrice(input_usd_per_mtok=2.0, cache_read_usd_per_mtok=1.0, cache_write_usd_per_mtok=2.25)
    report = analyze(
        prefix=None,
        prefix_name=None,
        usage=replace(usage, cache_write_tokens=usage.cache_write_tokens or 0),
        diagnosis=Diagnosis(missed_tokens=2_000_000),
        policy=POLICY,
        price=price,
        is_answered=True,
    )
    assert report.missed_savings_usd == (None if dollars is None else pytest.approx(dollars))


WORKERS = [[tool(name, prose(300, name)) for name in order] for order in ("abc", "cab", "bca")]


def worker(order: int, question: str) -> dict[str, Any]:
    return chat(RULES, user(question), tools=WORKERS[order])


def test_an_order_of_each_worker_is_found_though_its_own_prefix_has_expired() -> None:
    application = Application()
    for order in (0, 1, 2):
        application.send(worker(order, "One?"))
    application.now_seconds += 250
    application.send(worker(1, "Two?"), read=3_840)
    application.now_seconds += 100  # the first and the last have expired, the second has not
    diagnosis = application.send(worker(0, "Three?"))
    assert (reason(diagnosis), place(diagnosis)[:2]) == ("tools_changed", ("tools[0]", "reordered"))
    assert diagnosis.missed_tokens == diagnosis.avoidable_tokens > 800


def test_without_a_sibling_that_is_alive_it_has_expired() -> None:
    application = Application()
    for order in (0, 1):
        application.send(worker(order, "One?"))
    application.now_seconds += 400
    assert reason(application.send(worker(0, "Two?"))) == "expired"


def test_a_sibling_with_the_same_leading_part_changes_nothing() -> None:
    application = Application()
    first, second = (chat(RULES, user(prose(800, topic))) for topic in ("first", "second"))
    application.send(first)
    application.now_seconds += 200
    application.send(second, read=2_944)
    application.now_seconds += 200
    assert reason(application.send(first, read=2_944)) == "expired"


def test_a_prompt_whose_copies_on_two_models_both_lapsed_here_has_expired() -> None:
    application = Application()
    body = chat(RULES, user("Hi"))
    application.send(body)
    application.now_seconds += 400
    application.send({**body, "model": "gpt-4.1"})
    diagnosis = application.send(body)
    assert reason(diagnosis) == "expired"


def test_an_answer_from_elsewhere_leaves_no_trace_and_counts_once() -> None:
    application = Application()
    examination = application.open(BODY)
    examination.answered_elsewhere()
    examination.answered_elsewhere()
    assert reason(application.send(BODY)) == "cold_start"


def test_a_sibling_that_differs_only_at_its_end_changes_nothing() -> None:
    application = Application()
    number_1, number_2 = (
        chat(system(f"{prose(3_000)}\n\nWorker {number}."), user("Hi")) for number in (1, 2)
    )
    application.send(number_1)
    application.now_seconds += 250
    application.send(number_2, read=2_944)
    application.now_seconds += 100  # the first has expired, the second has not
    assert reason(application.send(number_1)) == "expired"


CLAUDE = policy_for("anthropic", "claude-opus-5")
UNREAD = TokenUsage(input_tokens=3_000, cache_read_tokens=0, cache_write_tokens=0)


class TestOptIn:
    """For a model that caches only what is marked: whether anything is marked, and what the provider itself says."""

    MARK: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}  # noqa: RUF012

    def judged(
        self, usage: TokenUsage = UNREAD, said: ProviderDiagnosis | None = None, **members: Any
    ) -> Diagnosis:
        body = {"model": "claude-opus-5", "system": prose(3_000), "messages": [user("Hi")], **members}
        return Application(MESSAGES).open(body, policy=CLAUDE).judge(usage, said, CLAUDE)

    def test_nothing_is_marked(self) -> None:
        diagnosis = self.judged()
        assert (reason(diagnosis), diagnosis.missed_tokens) == ("caching_disabled", 0)

    def test_whatever_else_the_provider_says(self) -> None:
        assert reason(self.judged(said=ProviderDiagnosis("input_changed", 5, "system"))) == "caching_disabled"

    @pytest.mark.parametrize(
        "usage", [replace(UNREAD, cache_read_tokens=5), replace(UNREAD, cache_write_tokens=5)]
    )
    def test_what_was_cached_was_marked_by_somebody(self, usage: TokenUsage) -> None:
        assert self.judged(usage) == Diagnosis()

    @pytest.mark.parametrize(
        "members",
        [{"thread": {"type": "continue"}}, {"thread": {"type": "continue"}, **MARK}],
    )
    def test_nothing_is_said_of_what_begins_on_the_server(self, members: dict[str, Any]) -> None:
        assert self.judged(**members) == Diagnosis()

    def test_nor_if_other_rules_were_asked_for(self) -> None:
        body = {"model": "m", "system": prose(3_000), "messages": [user("Hi")], **self.MARK}
        examination = Application(MESSAGES).open(body, policy=policy_for("openai", NEW))
        examination.answered(Reply(), CLAUDE, 1_000.0, UNREAD)
        assert examination.judge(UNREAD, None, CLAUDE) == Diagnosis()

    def test_but_that_of_the_provider(self) -> None:
        diagnosis = self.judged(said=ProviderDiagnosis("input_changed", 9_999, "system"), **self.MARK)
        assert (reason(diagnosis), diagnosis.missed_tokens) == ("input_changed", 3_000)
        assert diagnosis.place is not None
        assert (diagnosis.place.path, diagnosis.place.token) == ("system", None)


def test_a_prompt_whose_admission_was_interrupted_does_not_keep_others_from_being_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    application, made = Application(), 0

    class Node(index_module.PrefixNode):
        def __init__(self, *arguments: Any) -> None:
            nonlocal made
            made += 1
            if made == 2:
                raise TimeoutError("of a signal handler")
            super().__init__(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(index_module, "PrefixNode", Node)
        with pytest.raises(TimeoutError):
            application.send(BODY)
    assert made == 2
    application.send(BODY)
    assert reason(application.send(BODY, read=2_944)) is None
    assert reason(application.send(chat(RULES, user("Other")), read=2_944)) is None


def test_a_report_of_no_tokens_at_all_measures_nothing() -> None:
    application = Application()
    application.send(BODY)
    application.send(BODY, input_tokens=0)
    again = application.send(BODY)
    assert (reason(again), again.expected_tokens) == ("provider", 2_944)
