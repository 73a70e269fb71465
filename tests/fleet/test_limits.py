"""What a process remembers of the fleet is bounded, and can be lost at any time."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_promptcache.fleet import memory as memory_module
from otel_promptcache.fleet import variants as variants_module
from otel_promptcache.fleet.memory import FleetMemory
from otel_promptcache.fleet.naming import pieces as pieces_module
from otel_promptcache.fleet.store import Batch, Entry, Found, FoundPrefix, FoundVariant, Update
from otel_promptcache.fleet.variants import HeldVariants
from tests.fleet.fleets import SharedStore, in_a_file
from tests.fleet.verdicts import reason
from tests.unit.prompts import Body, chat, prose, system, tool, user

RULES = system(prose(1_500))
TOOLS = [tool(name, prose(100, name)) for name in ("find", "book", "pay")]


@pytest.fixture
def shared(tmp_path: Path) -> SharedStore:
    return in_a_file(tmp_path)


def test_what_is_held_of_the_fleet_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_MAX_CONTENTS", "_MAX_ANSWERS", "_MAX_TOUCHED"):
        monkeypatch.setattr(memory_module, name, 3)
    memory = FleetMemory("n")
    for number in range(20):
        name = number.to_bytes(8, "big")
        memory.hold_pieces(name, ())
        memory.learn_answer(name, "resp")
        memory.is_due(name, b"scope", 1_000.0, 300.0)
    assert len(memory.content_pieces) == 3
    assert len(memory._answers) == 3
    assert len(memory._touched) <= 3
    assert (memory.answer(bytes(8)), memory.answer(name)) == (None, "resp")


def test_a_variant_is_told_of_again_when_its_life_grew_by_a_tenth() -> None:
    memory = FleetMemory("n")
    assert memory.is_due(b"variant", b"scope", 1_000.0, 300.0)
    assert not memory.is_due(b"variant", b"scope", 1_029.0, 300.0)
    assert memory.is_due(b"variant", b"scope", 1_030.0, 300.0)
    assert memory.is_due(b"variant", b"other", 1_030.0, 300.0)


def test_variants_that_are_held_have_a_bound(shared: SharedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants_module, "MAX_HELD", 2)
    process = shared.process()
    for number in range(5):
        process.send(chat(system(f"Agent {'abcde'[number]}. " + prose(1_500, "abcde"[number])), user("Hi")))
    held = process.memory.held
    assert len(held._bodies) == 2
    assert len(held._by_template) == 2


def test_of_a_template_the_latest_variants_are_held(shared: SharedStore) -> None:
    process = shared.process()
    for number in range(10):
        process.send(chat(system(f"It is 10:{number:02} now. " + prose(1_500)), user("Hi")))
    (held,) = process.memory.held._by_template.values()
    assert len(held) == 6


def test_a_body_that_makes_no_sense_is_none() -> None:
    held = HeldVariants()
    found = FoundVariant(b"variant1", 0, 0, b"", b"nonsense")
    assert held.body(found) is None
    assert held.body(found._replace(body=b"")) is None


def test_pieces_are_named_again_when_there_were_too_many(
    shared: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces_module, "_MAX_KNOWN", 8)
    shared.process().send(chat(RULES, user("Hi"), tools=TOOLS))
    missed = shared.process().send(chat(RULES, user("Hi"), tools=TOOLS[::-1]))
    assert reason(missed) == "tools_changed"


def test_names_that_were_forgotten_in_between_only_cost_the_variant(shared: SharedStore) -> None:
    process = shared.process()
    sent = process.open(chat(RULES, user("Hi")))
    process.memory.hashes.forget()
    sent.answer()
    (update,) = [each for each in process.runner.operations if isinstance(each, Update)]
    assert update.variant is None
    assert update.chain


def test_a_large_value_that_is_not_cut_is_a_piece_as_a_whole(shared: SharedStore) -> None:
    image = "data:image/png;base64," + "A" * 4_000

    def body(first: str) -> Body:
        content = [
            {"type": "text", "text": first + prose(1_500)},
            {"type": "image_url", "image_url": {"url": image}},
        ]
        return chat({"role": "user", "content": content}, tools=TOOLS)

    shared.process().send(body("It is 10:03 now. "))
    missed = shared.process().send(body("It is 10:04 now. "))
    assert (reason(missed), missed.place and missed.place.path) == (
        "input_changed",
        "messages[0].content[0]",
    )
    assert (missed.missed_tokens or 0) > 2_000  # with the image


def test_literals_of_another_number_are_told_apart_by_the_piece(shared: SharedStore) -> None:
    shared.process().send(chat(system("It is 10:03 now, of 12. " + prose(1_500)), user("Hi")))
    missed = shared.process().send(chat(system("It is 10:04 now, of 12. " + prose(1_500)), user("Hi")))
    assert missed.place is not None
    assert missed.place.kind is not None
    assert missed.place.kind.value == "timestamp"


def test_a_sentence_whose_space_changed_is_the_same(shared: SharedStore) -> None:
    shared.process().send(chat(system("Be kind. Be quick. " + prose(1_500)), user("Hi")))
    missed = shared.process().send(chat(system("Be kind.\nBe quick. Be fair. " + prose(1_500)), user("Hi")))
    assert reason(missed) == "input_changed"


def test_a_prompt_whose_leading_part_is_long_has_no_variant(shared: SharedStore) -> None:
    process = shared.process()
    process.send(chat(system(prose(100)), user("Hi"), tools=[tool(f"t{n}") for n in range(200)]))
    (update,) = [each for each in process.runner.operations if isinstance(each, Update) and each.chain]
    assert update.variant is not None  # it ends among the newest 64
    process.send(
        chat(
            system(prose(100)),
            *[user(f"q{n}") for n in range(200)],
            tools=[tool(f"t{n}") for n in range(100)],
        )
    )
    assert process.runner.operations[-2].variant is None


def test_an_answer_without_a_name_leaves_none(shared: SharedStore) -> None:
    process = shared.process(shares_answers=False)
    opened = process.open(chat(RULES, user("Hi")))
    assert opened.call._answers is None
    assert process.fleet.newest_answer(opened.examination, 0) is None


def test_a_prompt_without_segments_is_not_asked_for(shared: SharedStore) -> None:
    process = shared.process()
    with pytest.raises(AssertionError):
        process.open(chat())
    assert not process.runner.operations


def test_scopes_and_places_that_make_no_sense_are_left_out(shared: SharedStore) -> None:
    process = shared.process()
    process.runner.is_late = True
    sent = process.open(chat(RULES, user("Hi")))
    query = sent.call.next_operation()
    (found,) = process.store.run(Batch([query])).found  # type: ignore[list-item]
    assert found is not None
    odd = Found(
        now=found.now, known=999, alive=0, requests=1, is_new_digest=None, digests=0, has_template=False, is_asked=True,
        prefixes=[FoundPrefix(place, None, {b"odd": Entry(1, 2)}) for place in (999, 0)], variants=[FoundVariant(b"v", 0, 0, b"odd", b"")],
    )  # fmt: skip
    assert sent.call.found(odd)
    snapshot = sent.call.snapshot
    assert snapshot is not None
    assert [dict(step.cached) for step in snapshot.steps] == [{}]
    assert (snapshot.known_links, snapshot.variants) == (2, ())
