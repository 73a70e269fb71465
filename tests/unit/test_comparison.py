"""Which earlier prompt a new one is compared with, and how much of it was sent before."""

from __future__ import annotations

import pytest

from otel_promptcache.core.comparison import comparison as comparison_module
from otel_promptcache.core.comparison.comparison import Comparison, Cutter
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.piece_store import PieceStore
from otel_promptcache.core.prompt.chain import hash_prompt
from otel_promptcache.core.prompt.pieces import cut, hash_pieces
from tests.unit.prompts import BYTES_A_TOKEN, Application, Body, assistant, chat, prose, system, tool, user

RULES = prose(1_000)
TOOLS = [tool(name, prose(100, name)) for name in ("search", "read", "write")]
CONVERSATION = [system(RULES), user("How are you?"), assistant("Fine."), user("Good.")]


def compared(old: Body, new: Body) -> Comparison:
    application = Application()
    application.send(old)
    comparison = application.comparison(new)
    assert comparison is not None
    return comparison


def common_tokens(comparison: Comparison) -> int:
    return comparison.common_bytes // BYTES_A_TOKEN


def avoidable_tokens(comparison: Comparison) -> int:
    return comparison.avoidable_bytes // BYTES_A_TOKEN


def test_the_first_prompt_has_nothing_to_be_compared_with() -> None:
    assert Application().comparison(chat(system(RULES))) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (CONVERSATION, CONVERSATION),
        (CONVERSATION[:2], CONVERSATION),
        (CONVERSATION, CONVERSATION[:2]),
    ],
    ids=["the same", "growth", "rewind"],
)
def test_one_that_goes_on_where_the_other_ends_does_not_part(old: list[Body], new: list[Body]) -> None:
    comparison = compared(chat(*old), chat(*new))
    assert comparison.divergence is None
    assert comparison.avoidable_bytes == 0
    shorter = chat(*min(old, new, key=len))
    assert comparison.common_bytes == hash_prompt(Application().segments(shorter)).size_bytes


CASES: dict[str, tuple[Body, Body, int, int]] = {
    # Old request, new request, common tokens, avoidable tokens.
    "a new question": (chat(system(RULES), user("One?")), chat(system(RULES), user("Two?")), 1_000, 0),
    "a line on top": (chat(system("It is 9:30.\n" + RULES)), chat(system("It is 9:31.\n" + RULES)), 0, 1_000),
    "a line in the middle": (
        chat(system(prose(400, "a") + prose(600, "b"))),
        chat(system(prose(400, "a") + "Really, it must be so.\n" + prose(600, "b"))),
        400,
        600,
    ),
    "a line at the end": (chat(system(RULES + "You talk to Ann.")), chat(system(RULES + "You talk to Bob.")), 1_000, 0),
    "tools in another order": (chat(tools=TOOLS), chat(tools=[TOOLS[0], *TOOLS[:0:-1]]), 143, 286),
    "an edited message in the middle": (
        chat(system(RULES), user("Fix it."), assistant(prose(500, "code")), user("Go on.")),
        chat(system(RULES), user("Mend it."), assistant(prose(500, "code")), user("Go on.")),
        1_000,
        500,
    ),
    "short content that returns by chance": (
        chat(system(RULES), user("One?"), assistant("Yes."), user("Thanks.")),
        chat(system(RULES), user("Two?"), assistant("Yes."), user("Thanks.")),
        1_000,
        0,
    ),
    "a truncated head": (
        chat(system(RULES), *(user(prose(200, topic)) for topic in "abc")),
        chat(system(RULES), *(user(prose(200, topic)) for topic in "bcd")),
        1_000,
        400,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "common", "avoidable"), CASES.values(), ids=CASES)
def test_what_two_prompts_share_is_counted_before_and_behind_the_divergence(
    old: Body, new: Body, common: int, avoidable: int
) -> None:
    comparison = compared(old, new)
    assert comparison.divergence is not None
    assert common_tokens(comparison) == pytest.approx(common, abs=8)
    assert avoidable_tokens(comparison) == pytest.approx(avoidable, abs=8 if avoidable else 0)


def test_the_prompt_that_went_the_same_way_for_longest_is_the_nearest() -> None:
    application = Application()
    for question in ("One?", "Two?", "Three?"):
        application.send(chat(system(RULES), user(question), assistant(f"{question} Well."), user("So?")))
    likelier = chat(system("Other rules."), user("Two?"), assistant("Hm."), user("So?"), user("Well?"))
    application.send(likelier)  # it shares more, but not from the start
    comparison = application.comparison(chat(system(RULES), *likelier["messages"][1:]))
    assert comparison is not None
    assert comparison.divergence is not None
    assert comparison.divergence.path == "messages[2].content"


def test_a_prompt_that_shares_only_a_part_of_a_text_is_found_by_it() -> None:
    comparison = compared(
        chat(system("You are Ann.\n" + RULES)), chat(system("Your name is Bob, you help.\n" + RULES))
    )
    assert avoidable_tokens(comparison) == 1_000


def test_a_prompt_that_shares_only_short_pieces_is_none_to_compare_with() -> None:
    application = Application()
    application.send(chat(user("Yes.\nThat is about the weather in Rome, is it not so, my old friend?")))
    assert application.comparison(chat(user("Yes.\nThis is about something else"))) is None


def test_content_of_media_counts_no_more_than_it_is_taken_for() -> None:
    def image(detail: str) -> Body:
        url = {"url": "data:image/png;base64," + "A" * 500_000, "detail": detail}
        return chat(system(RULES), {"role": "user", "content": [{"type": "image_url", "image_url": url}]})

    comparison = compared(image("low"), image("high"))
    assert comparison.divergence is not None
    assert comparison.divergence.path == "messages[1].content[0].image_url.detail"
    total_bytes = hash_prompt(Application().segments(image("high"))).size_bytes
    assert comparison.common_bytes + comparison.avoidable_bytes <= total_bytes
    assert comparison.divergence.offset_bytes <= total_bytes


def test_when_the_earlier_one_was_sent_is_known_inside_the_segment_in_which_they_part() -> None:
    comparison = compared(chat(system(RULES + "Ann.")), chat(system(RULES + "Bob.")))
    ((scope, seen),) = comparison.cached.items()
    assert scope.model == "gpt-4o"
    assert seen.at_seconds == 1_000.0


def test_a_segment_whose_pieces_are_forgotten_is_compared_as_a_whole() -> None:
    application = Application()
    application.send(chat(system(RULES), user("x")))
    application.index._pieces = PieceStore()
    comparison = application.comparison(chat(system(RULES + "More."), user("x")))
    assert comparison is not None
    assert comparison.divergence is not None
    assert (comparison.divergence.kind.value, comparison.common_bytes) == ("edited", 0)


def test_a_cutter_remembers_the_pieces_of_what_it_cut() -> None:
    (segment,) = Application().segments(chat(system("One. Two.")))
    links = hash_prompt([segment]).links
    cutter = Cutter(PrefixIndex(), links, [segment])
    assert cutter.pieces == {}
    found = cutter.cut(0)
    assert [part[2] for part in found.parts] == ["One. ", "Two."]
    assert found.pieces == hash_pieces(cut(segment))
    assert cutter.pieces == {links[0].content: found.pieces}


def test_a_prompt_of_very_many_pieces_is_cut_as_far_as_its_room_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison_module, "MAX_PROMPT_PIECES", 5)
    segments = Application().segments(chat(*(user("One. Two. Three. ") for _ in range(4))))
    cutter = Cutter(PrefixIndex(), hash_prompt(segments).links, segments)
    assert [len(cutter.cut(index).pieces) for index in range(4)] == [3, 3, 0, 0]
    application = Application()
    application.send(chat(system(RULES), user("One. Two.")))
    divergence = application.comparison(chat(system("New. " + RULES), user("One. Two."))).divergence
    assert (divergence.path, divergence.kind.value) == ("messages[0].content", "added")
    monkeypatch.setattr(comparison_module, "MAX_PROMPT_PIECES", 0)
    divergence = application.comparison(chat(system("New. " + RULES), user("One. Two."))).divergence
    assert (divergence.path, divergence.kind.value) == ("messages[0].content", "edited")
