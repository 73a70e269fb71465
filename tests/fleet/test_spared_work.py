"""What a process knows already is neither written to the store again nor looked for in the fleet's variants."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_promptcache.core.exchange import Reply
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.fleet.store import Query, Update
from otel_promptcache.fleet.variants import VariantReader
from otel_promptcache.providers.policies import policy_for
from tests.fleet.fleets import Process, SharedStore, in_a_file
from tests.fleet.verdicts import place, reason
from tests.unit.prompts import Body, chat, prose, system, tool, user

RULES = prose(1_500)
NO_NAME = Reply()


@pytest.fixture
def shared(tmp_path: Path) -> SharedStore:
    return in_a_file(tmp_path)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The variants that were made comparable."""
    variants: list[object] = []
    original = VariantReader.read

    def noting(self: VariantReader, body: object, *rest: object) -> object:
        variants.append(body)
        return original(self, body, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(VariantReader, "read", noting)
    return variants


def at(minute: int, rest: str = RULES) -> Body:
    return chat(system(f"It is 10:{minute:02} now. {rest}"), user("Where is it?"))


def operations_of(process: Process, body: Body, **judged: int) -> list[Query | Update]:
    """What one more request makes of the store."""
    process.runner.operations.clear()
    process.open(body).answer(NO_NAME).judge(**judged)
    return process.runner.operations.copy()


def test_a_prompt_that_the_store_knows_is_only_queried(shared: SharedStore) -> None:
    one, other = shared.process(), shared.process()
    body = at(3)
    first = operations_of(one, body)
    assert [type(each) for each in first[:2]] == [Query, Update]
    for process in (one, one, other):
        operations_of(process, body)
        (only,) = operations_of(process, body)
        assert isinstance(only, Query)
    shared.clock.now_seconds += 40  # its life has grown by more than a tenth
    again = operations_of(other, body)
    assert [type(each) for each in again] == [Query, Update]


def test_a_length_is_written_when_it_has_changed(shared: SharedStore) -> None:
    process, body = shared.process(), at(3)
    for _ in range(2):
        operations_of(process, body, input_tokens=2_000)
    assert len(operations_of(process, body, input_tokens=2_000)) == 1
    _, update = operations_of(process, body, input_tokens=2_001)
    assert isinstance(update, Update)
    assert [tokens for _, tokens in update.tokens] == [2_001]


def test_a_request_that_never_reached_the_provider_is_uncounted(shared: SharedStore) -> None:
    process, body = shared.process(), at(3)
    for _ in range(2):
        operations_of(process, body)
    process.runner.operations.clear()
    sent = process.open(body)
    sent.call.closed(was_sent=False)
    _, update = process.runner.operations
    assert isinstance(update, Update)
    assert update.starts == -1


def test_no_variant_is_read_beside_a_prompt_of_the_process_itself(
    shared: SharedStore, read: list[object]
) -> None:
    one, other = shared.process(), shared.process()
    one.send(at(3))
    other.send(at(4))
    read.clear()
    missed = one.send(at(5))
    assert not read
    assert (reason(missed), place(missed)) == ("input_changed", ("messages[0].content", "timestamp"))


def test_variants_are_read_when_the_prompt_of_the_process_has_lapsed(
    shared: SharedStore, read: list[object]
) -> None:
    one, other = shared.process(), shared.process()
    one.send(at(3))
    shared.clock.now_seconds += 400
    other.send(at(4))
    read.clear()
    missed = one.send(at(5))
    assert read
    assert reason(missed) == "input_changed"


def test_variants_are_read_when_the_fleet_reaches_further(shared: SharedStore, read: list[object]) -> None:
    tools = [tool(name, prose(100, name)) for name in ("find", "book")]
    new = [tool("pay", prose(100, "pay")), *tools]
    one, other = shared.process(), shared.process()
    one.send({**at(3), "tools": tools})
    other.send({**at(4), "tools": new})
    read.clear()
    missed = one.send({**at(5), "tools": new})
    assert read
    assert (reason(missed), place(missed)) == ("input_changed", ("messages[0].content", "timestamp"))


@pytest.mark.parametrize(("tokens", "is_read"), [(300, False), (700, True)])
def test_variants_are_read_when_the_process_does_not_know_enough(
    shared: SharedStore, read: list[object], tokens: int, is_read: bool
) -> None:
    one, other = shared.process(), shared.process()
    more = f"{RULES} {prose(tokens, 'parcels')}"
    one.send(at(3))
    other.send(at(4, more))
    read.clear()
    one.send(at(5, more))
    assert bool(read) is is_read


@pytest.mark.parametrize("question", ["Is it mine?", prose(300, "parcels")])
def test_a_variant_is_read_if_it_has_what_the_prompt_of_the_process_lacks(
    shared: SharedStore, read: list[object], question: str
) -> None:
    one, other = shared.process(), shared.process()
    one.send(at(3))
    other.send({**at(4), "messages": [*at(4)["messages"], user(question)]})
    read.clear()
    missed = one.send({**at(5), "messages": [*at(5)["messages"], user(question)]})
    assert read
    alone = other.send({**at(6), "messages": [*at(6)["messages"], user(question)]})
    assert missed.missed_tokens == alone.missed_tokens


def test_variants_are_read_when_a_sibling_may_be_alive(shared: SharedStore, read: list[object]) -> None:
    tools = [tool(name, prose(200, name)) for name in ("find", "book")]
    one, other = shared.process(), shared.process()
    one.send(chat(system(RULES), user("Hi"), tools=tools))
    shared.clock.now_seconds += 400
    other.send(chat(system(RULES), user("Hi"), tools=tools[::-1]))
    read.clear()
    missed = one.send(chat(system(RULES), user("Hi"), tools=tools))
    assert read
    assert reason(missed) == "tools_changed"


def test_no_variant_is_read_for_a_prompt_whose_texts_were_released(
    shared: SharedStore, read: list[object]
) -> None:
    one, other = shared.process(), shared.process()
    one.send(at(3))
    read.clear()
    other.runner.is_late = True
    sent = other.open(at(4))
    sent.call.let_go()
    other.runner.flush()
    assert sent.call.snapshot is not None
    assert not read


def test_a_variant_is_read_if_it_has_the_sentence_at_which_the_process_diverges(
    shared: SharedStore, read: list[object]
) -> None:
    """Another process has sent the edited text already, with an earlier time."""
    head, tail = prose(400, "first"), prose(1_600, "alpha")

    def edited(sentence: str, minute: int) -> Body:
        text = f"{head}{sentence}{tail}It is 10:{minute:02} now. {prose(600, 'beta')}"
        return chat(system(text), user("Hi"))

    old, new = "You are kind to everybody here. ", "You are stern but fair in all of it. "
    verdicts: list[object] = []
    for processes in (1, 2):
        one, *others = [shared.process(namespace=f"n{processes}") for _ in range(processes)]
        one.send(edited(old, 3))
        (others or [one])[0].send(edited(new, 4))
        read.clear()
        verdicts.append(one.send(edited(new, 5)).expected_tokens)
    assert read
    assert verdicts[0] == verdicts[1]


def test_the_variant_after_the_newest_counts_only_if_it_is_alive(
    shared: SharedStore, read: list[object]
) -> None:
    one, other = shared.process(), shared.process()
    other.send(at(3, RULES + " Later."))
    shared.clock.now_seconds += 7_200
    one.send(at(4))
    read.clear()
    missed = one.send(at(5))
    assert not read
    assert reason(missed) == "input_changed"


def test_lengths_live_as_long_as_their_prefixes(shared: SharedStore) -> None:
    process, body = shared.process(), at(3)
    store = process.store
    operations_of(process, body, input_tokens=2_000)
    for _ in range(80):
        shared.clock.now_seconds += 50
        operations_of(process, body, input_tokens=2_000)
    lengths = store._connection.execute("SELECT min(expires) FROM lengths").fetchone()  # type: ignore[attr-defined]
    assert lengths[0] / 1_000 > shared.clock.now_seconds + 1_800


def test_a_length_that_is_learned_while_the_update_is_made_is_written(shared: SharedStore) -> None:
    process = shared.process()
    sent = process.open(at(3))
    make_update = sent.call._update

    def update() -> Update:
        made = make_update()
        sent.examination.judge(
            TokenUsage(input_tokens=2_000, cache_read_tokens=0), None, policy_for("openai", "gpt-4o")
        )
        sent.call.learned(sent.examination.learned_tokens)
        return made

    sent.call._update = update  # type: ignore[method-assign]
    sent.answer(NO_NAME)
    assert any(isinstance(each, Update) and each.tokens for each in process.runner.operations)
