"""Other processes that send the same prompts: what proves it, what does not, and what is reported from then on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from otel_promptcache.core.analyzer import analyze
from otel_promptcache.core.diagnosis.case import History
from otel_promptcache.core.diagnosis.examination import Examination
from otel_promptcache.core.diagnosis.verdict import Diagnosis
from otel_promptcache.core.exchange import ProviderDiagnosis, Reply
from otel_promptcache.core.memory import index as index_module
from otel_promptcache.core.memory.forgotten import ForgottenPrefixes
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.prompt.chain import PrefixHash, PromptHasher
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS
from tests.unit.prompts import (
    BREAKPOINT,
    NEW,
    Application,
    Body,
    assistant,
    chat,
    marked,
    prose,
    system,
    user,
)

RULES = system(prose(3_000))
READ = 2_944
"""Tokens that are read of the rules, in steps of 128."""
LIFETIME_SECONDS = 300.0
HISTORY = [user(prose(300, "one")), assistant(prose(300, "yes")), user(prose(300, "two"))]


def ask(question: str, **members: Any) -> Body:
    return chat(RULES, user(f"{question} {prose(60, question)}"), **members)


def reason(diagnosis: Diagnosis) -> str | None:
    return diagnosis.reason and diagnosis.reason.value


def one_of_many() -> Application:
    """A process whose first request was a hit, so others send its rules."""
    application = Application()
    assert reason(application.send(ask("One"), read=READ)) is None
    return application


def is_proven(application: Application, body: Body) -> bool:
    """Whether others are known to send the start of a prompt."""
    examination = application.open(body)
    examination.close()
    sent, now_seconds = examination.sent, application.now_seconds
    match = application.index.match_prefix(sent, now_seconds)
    return any(
        seen.is_sent_by_others
        for step in match.steps
        for scope, seen in step.cached.items()
        if scope == sent.scope
    )


# What is reported.


def test_what_is_not_read_again_may_be_the_rate_of_all_together() -> None:
    application = one_of_many()
    told = application.send(ask("Two"))
    assert (reason(told), told.missed_tokens, told.place) == ("unseen", told.expected_tokens, None)
    assert told.missed_tokens == pytest.approx(3_000, abs=128)
    assert told.source is not None
    assert told.source.value == "client"


def test_what_has_expired_here_may_have_been_kept_alive_by_others() -> None:
    application = one_of_many()
    application.now_seconds += LIFETIME_SECONDS + 1
    told = application.send(ask("Two"))
    assert (reason(told), told.expected_tokens) == ("unseen", 0)
    assert told.missed_tokens == pytest.approx(3_000, abs=128)


def test_what_only_this_process_has_sent_expires() -> None:
    application = one_of_many()
    history = [user(prose(600, "mine")), assistant("Yes."), user(prose(600, "again"))]
    application.send(chat(RULES, *history), read=READ)
    application.now_seconds += LIFETIME_SECONDS + 1
    later = chat(RULES, *history, assistant("No."), user("And?"))
    assert reason(application.send(later, read=READ)) == "expired"


def test_what_is_new_here_may_not_be_new() -> None:
    application = Application()
    short = system(prose(500))
    conversation = [user(prose(1_200, "theirs")), assistant("Yes."), user("And?")]
    assert reason(application.send(chat(short, *conversation), read=1_664)) is None
    told = application.send(chat(short, user(prose(1_200, "new")), user("What?")))
    assert (reason(told), told.missed_tokens) == ("unseen", None)
    told = application.send(chat(short, user(prose(900, "other"))))
    assert (reason(told), told.missed_tokens) == ("unseen", None)


def test_a_prompt_that_is_too_short_is_too_short_for_everybody() -> None:
    application = Application()
    short = system(prose(500))
    application.send(chat(short, user(prose(1_200, "theirs")), user("And?")), read=1_664)
    diagnosis = application.send(chat(short, user("Hi")))
    assert reason(diagnosis) == "unseen"
    policy = policy_for("openai", "gpt-4o")
    usage = TokenUsage(input_tokens=501, cache_read_tokens=0)
    report = analyze(
        prefix=None,
        prefix_name=None,
        usage=usage,
        diagnosis=diagnosis,
        policy=policy,
        price=None,
        is_answered=True,
    )
    assert reason(report.diagnosis) == "below_minimum"


def test_a_boundary_may_have_been_left_by_others() -> None:
    application = Application()
    first = chat(marked(RULES), user("One"), model=NEW)
    assert reason(application.send(first, read=3_000)) is None
    plain = chat(RULES, user(prose(100, "first")), model=NEW)
    application.send(plain, read=3_000)
    # All but the question is known, but there is no boundary at the end of the known part.
    assert reason(application.send(chat(RULES, user("Two"), model=NEW))) == "no_matching_breakpoint"
    theirs = [user(prose(300, "theirs")), assistant("Yes."), user("And?")]
    told = application.send(chat(RULES, *theirs, model=NEW))
    assert (reason(told), told.place) == ("unseen", None)


def test_its_own_rate_explains_a_loss() -> None:
    application = one_of_many()
    for number in range(15):
        application.send(ask(f"Number {number}"), read=READ)
    assert reason(application.send(ask("Sixteen"))) == "rate_overflow"


def test_the_rate_is_that_of_another_start_if_others_share_less() -> None:
    application = Application()
    short, theirs = system("You are kind. " * 20), user(prose(1_200, "theirs"))
    application.send(chat(short, theirs, user("One")), read=1_152)
    mine = chat(short, user(prose(1_200, "mine")), user("One"))
    application.send(mine)
    assert reason(application.send(mine)) == "provider"
    assert reason(application.send(chat(short, theirs, user("Two")))) == "unseen"


def test_its_own_changes_explain_a_loss() -> None:
    application = one_of_many()
    changed = chat(system("It is 12:30.\n" + prose(3_000)), user("Two"))
    assert reason(application.send(changed)) == "input_changed"
    assert reason(application.send(ask("Three", model="gpt-4.1"))) == "model_changed"
    pending = application.open(ask("Four", model="gpt-4o-mini"))
    pending.close()


def test_its_own_requests_on_their_way_explain_a_loss() -> None:
    application = one_of_many()
    application.now_seconds += LIFETIME_SECONDS + 1
    pending = application.open(ask("Two"))
    assert reason(application.send(ask("Three"))) == "concurrent"
    pending.close()


def test_the_providers_word_wins() -> None:
    application = one_of_many()
    told = application.send(ask("Two"), said=ProviderDiagnosis("tools_changed", 2_000))
    assert (reason(told), told.missed_tokens, told.source and told.source.value) == (
        "tools_changed",
        2_000,
        "provider",
    )


def test_all_that_is_known_is_of_the_process() -> None:
    application = one_of_many()
    assert application.send(ask("Two")).history is History.PROCESS
    assert application.send(ask("Three"), read=None).history is History.PROCESS


# For which prompts the proof holds, and for how long.


def test_it_holds_for_prompts_that_begin_alike_in_the_same_scope() -> None:
    application = one_of_many()
    for body in (
        ask("Two", prompt_cache_key="k"),
        ask("Two", model="gpt-4.1"),
        chat(system(prose(3_000, "other"))),
    ):
        application.send(body)
        assert reason(application.send(body)) == "provider"
    assert reason(application.send(ask("Two"))) == "unseen"


def test_it_is_known_of_no_more_than_was_read() -> None:
    application = Application()
    body = chat(RULES, user(prose(1_500, "mine")), user("Hi"))
    application.send(body, read=READ)
    assert is_proven(application, chat(RULES))
    nodes = application.index._nodes.values()
    assert [next(iter(node.cached.values())).is_sent_by_others for node in nodes] == [True, False, False]


def test_it_outlives_further_requests_and_is_forgotten_with_the_prefix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    application = one_of_many()
    for number in range(20):
        application.send(ask(f"Number {number}"), read=READ)
        application.now_seconds += 60
    assert is_proven(application, ask("Again"))
    monkeypatch.setattr(index_module, "MAX_PROMPTS", 1)
    application.send(chat(system(prose(3_000, "other"))))
    assert not is_proven(application, ask("Again"))
    application.send(ask("Again"))
    assert not is_proven(application, ask("Again"))


def test_it_holds_for_the_tier_that_is_served() -> None:
    application = Application()
    served = Reply(service_tier="default")
    application.send(ask("One", service_tier="priority"), read=READ, reply=served)
    own = chat(RULES, user(prose(600, "mine")), user("Hi"), service_tier="priority")
    application.send(own, read=READ, reply=served)
    assert reason(application.send(own, reply=served)) == "unseen"


def test_boundaries_keep_it() -> None:
    application = Application()
    body = chat(marked(RULES), user("One"), model=NEW)
    application.send(body, read=3_000)
    application.send(chat(marked(RULES), user("Two"), model=NEW), read=3_000)
    assert is_proven(application, chat(marked(RULES), user("Three"), model=NEW))
    assert reason(application.send(chat(marked(RULES), user("Three"), model=NEW))) == "unseen"


def test_a_first_boundary_keeps_it() -> None:
    application = Application()
    application.send(chat(RULES, user("One"), user("Hi"), model=NEW), read=3_000)
    application.send(chat(marked(RULES), user("Two"), model=NEW), read=3_000)
    assert is_proven(application, chat(RULES, model=NEW))


def test_turns_of_others_are_a_proof() -> None:
    application = Application()
    turns = [user(prose(600, "one")), assistant(prose(300, "yes")), user(prose(600, "two")), assistant("No.")]
    first = chat(RULES, turns[0])
    application.send(first)
    later = chat(RULES, *turns, user("And?"))
    application.send(later, read=4_480)
    assert is_proven(application, later)


def test_of_a_longer_read_it_is_known_further() -> None:
    application = Application()
    sent = application.open(chat(RULES, *HISTORY)).sent
    application.index.share(sent, 4)
    assert not is_proven(application, chat(RULES))
    application.send(chat(RULES, *HISTORY))
    for links, known in ((1, 1), (3, 3), (2, 3)):
        application.index.share(sent, links)
        nodes = application.index._nodes.values()
        assert sum(next(iter(node.cached.values())).is_sent_by_others for node in nodes) == known


# What proves nothing.


def test_what_it_has_sent_itself() -> None:
    application = Application()
    application.send(ask("One"))
    application.send(ask("Two"), read=READ)
    assert not is_proven(application, ask("Two"))


def test_what_the_model_has_said() -> None:
    application = Application()
    application.send(chat(RULES, HISTORY[0]))
    application.send(chat(RULES, *HISTORY), read=3_584)
    assert not is_proven(application, chat(RULES, *HISTORY))


def test_a_short_read() -> None:
    application = Application(policy=replace(policy_for("openai", "gpt-4o"), minimum_tokens=None))
    body = chat(system(prose(400)), user("Hi"))
    application.send(body, read=384)
    assert not is_proven(application, body)


def test_a_single_message() -> None:
    application = Application()
    body = chat(user(prose(3_000)))
    application.send(body, read=READ)
    assert not is_proven(application, body)


def test_less_than_a_segment() -> None:
    application = Application()
    application.send(ask("One"), read=1_024)
    assert not is_proven(application, ask("One"))


def test_what_was_on_its_way() -> None:
    application = Application()
    pending = application.open(ask("One"))
    application.send(ask("Two"), read=READ)
    pending.close()
    assert not is_proven(application, ask("Two"))


def test_what_was_answered_in_the_meantime() -> None:
    application = Application()
    pending = application.open(ask("One"))
    policy = policy_for("openai", "gpt-4o")
    application.send(ask("Two"))
    pending.answered(Reply(), policy, application.now_seconds)
    pending.judge(TokenUsage(input_tokens=3_060, cache_read_tokens=READ), None, policy)
    assert not is_proven(application, ask("Two"))


def test_what_was_never_answered() -> None:
    application = Application()
    application.open(ask("One")).close()
    application.send(ask("One"), read=READ)
    assert not is_proven(application, ask("One"))


@pytest.mark.parametrize("is_retried", [False, True])
def test_what_an_attempt_has_sent_that_failed(is_retried: bool) -> None:
    application = Application()
    examination = application.open(ask("One"))
    policy = policy_for("openai", "gpt-4o")
    examination.answered(Reply(), policy, application.now_seconds)
    usage = TokenUsage(input_tokens=3_060, cache_read_tokens=READ)
    examination.judge(usage, None, policy, is_retried=is_retried)
    assert is_proven(application, ask("One")) is not is_retried


def test_what_was_put_aside() -> None:
    application = Application()
    examination = application.open(ask("One"))
    examination.put_aside()
    policy = policy_for("openai", "gpt-4o")
    examination.answered(Reply(), policy, application.now_seconds)
    examination.judge(TokenUsage(input_tokens=3_060, cache_read_tokens=READ), None, policy)
    assert not is_proven(application, ask("One"))


def test_what_was_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "MAX_PROMPTS", 1)
    application = Application()
    application.send(ask("One"))
    application.send(chat(system(prose(3_000, "other"))))
    application.send(ask("Two"), read=READ)
    assert not is_proven(application, ask("Two"))


def test_what_the_provider_put_in_front_of_a_continued_conversation() -> None:
    application = Application()
    examination = application.open(ask("One"))
    continued = replace(examination.sent, options=replace(examination.sent.options, is_continued=True))
    examination.sent = continued
    examination.answered(Reply(), policy_for("openai", "gpt-4o"), application.now_seconds)
    other = chat(system(prose(3_000, "other")), user("Hi"))
    application.send(other, read=READ)
    assert not is_proven(application, other)


def test_what_was_sent_with_another_key() -> None:
    application = Application()
    body = ask("One")
    other, segments = PromptHasher().hash(partial(CHAT_COMPLETIONS.blocks, body), 7)
    mine = application.open(body)
    mine.close()
    application.index = PrefixIndex()
    theirs = replace(mine.sent, prompt=other, account=7)
    examination = Examination(application.index, theirs, segments, application.now_seconds)
    examination.answered(Reply(), policy_for("openai", "gpt-4o"), application.now_seconds)
    application.send(ask("Two"), read=READ)
    assert not is_proven(application, ask("Two"))


def test_what_may_be_longer_than_it_looks() -> None:
    """A file may have any number of tokens, so the prompt with the same start may have had that many."""
    application = Application()
    file = user([{"type": "file", "file": {"file_data": "AAAA"}}])  # type: ignore[arg-type]
    long = user(prose(10_000))
    application.send(chat(RULES, file, user("One"), long), input_tokens=60_000)
    later = chat(RULES, file, user("Two"), long)
    application.send(later, input_tokens=60_000, read=49_920)
    assert not is_proven(application, later)


def test_what_another_model_has_counted() -> None:
    application = Application()
    application.send(chat(RULES, user("One"), model="gpt-4o-mini"), input_tokens=2_000)
    later = chat(RULES, user(prose(400)), user("Hi"))
    application.send(later, read=3_328)
    assert not is_proven(application, later)


def test_what_begins_like_something_of_which_nobody_told_the_tokens() -> None:
    application = Application()
    application.send(chat(RULES, user("One")), read=None, input_tokens=0)
    application.index._nodes[next(reversed(application.index._nodes))].tokens = None
    later = chat(RULES, user(prose(400)), user("Hi"))
    application.send(later, read=3_328)
    assert not is_proven(application, later)


def test_what_parts_within_a_segment() -> None:
    application = Application()
    before, after = (system(prose(1_500) + prose(1_500, each)) for each in ("before", "after"))
    application.send(chat(before, user("Hi")))
    application.send(chat(after, user("Ho")), read=READ)
    assert not is_proven(application, chat(after, user("Ho")))


# What may have been sent, although it is no longer remembered.


def test_prefixes_that_were_added_are_known_and_hardly_any_other_is() -> None:
    forgotten = ForgottenPrefixes()
    prefixes = [PrefixHash(hash(("prefix", number))) for number in range(20_000)]
    assert prefixes[0] not in forgotten
    for prefix in prefixes[:10_000]:
        forgotten.add(prefix)
    assert all(prefix in forgotten for prefix in prefixes[:10_000])
    assert sum(prefix in forgotten for prefix in prefixes[10_000:]) < 10
    forgotten.add_unknown()
    assert all(prefix in forgotten for prefix in prefixes)


# What is too short, as far as is known.


def test_what_others_may_have_sent_of_a_prompt_is_not_said_to_be_too_short() -> None:
    application = Application()
    short = system(prose(500))
    application.send(chat(short, user(prose(900, "one"))))
    assert reason(application.send(chat(short, user(prose(900, "two"))))) == "below_minimum"
    document = chat(short, user(prose(900, "document")), user("And?"))
    assert reason(application.send(document)) == "cold_start"
    theirs = [user(prose(300, "theirs")), assistant(prose(300, "yes")), user("And?")]
    assert reason(application.send(chat(short, *theirs))) == "cold_start"


def test_a_conversation_that_has_just_got_long_enough_was_too_short_before() -> None:
    application = Application()
    short, turn = system(prose(500)), user(prose(100, "one"))
    application.send(chat(short, turn))
    later = chat(short, turn, assistant(prose(600, "yes")), user("And?"))
    assert reason(application.send(later)) == "below_minimum"


def test_a_breakpoint_is_no_part_of_what_is_shared() -> None:
    part = {"type": "text", "text": prose(3_000), **BREAKPOINT}
    application = Application()
    body = chat({"role": "system", "content": [part]}, user("One"), model=NEW)
    application.send(body, read=3_000)
    assert is_proven(application, body)
