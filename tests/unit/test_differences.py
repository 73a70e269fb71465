"""All places where a prompt differs from an earlier one, in order, up to the first long unchanged part."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otel_promptcache.core.prompt.literals import (
    _LITERAL,
    MARK_BYTES,
    MAX_LITERALS,
    changed_kinds,
    literal_marks,
    literals,
)
from tests.unit.prompts import Application, Body, assistant, chat, prose, system, tool, user

RULES = prose(2_000)
SHORT = prose(200)


def differences(old: Body, new: Body) -> list[tuple[str, str]]:
    application = Application()
    application.send(old)
    comparison = application.comparison(new)
    assert comparison is not None
    assert comparison.divergence is not None
    found = comparison.divergence.differences
    assert (found[0].path, found[0].kind) == (comparison.divergence.path, comparison.divergence.kind)
    assert [each.offset_bytes for each in found] == sorted(each.offset_bytes for each in found)
    return [(each.path, each.kind.value) for each in found]


def in_system(before: str, after: str) -> list[tuple[str, str]]:
    return differences(chat(system(before), user("Hi")), chat(system(after), user("Hi")))


FIRST = "messages[0].content"
ID = ("8f14e45f-ceea-467f-a9d3-1f2b3c4d5e6f", "0cc175b9-c0f1-46a6-831c-399e26977266")
TIME = ("2026-11-20T11:46:27Z", "2026-11-20T11:47:01Z")
COUNT = ("request 17", "request 18")


@pytest.mark.parametrize(
    "template",
    ["Session: {0}\nNow: {1}\nThis is {2}\n", "Session {0} at {1}, {2}.\n", "[{0}] [{1}] [{2}]\n"],
    ids=["lines", "a sentence", "brackets"],
)
def test_an_id_a_time_and_a_counter_on_top_are_all_named(template: str) -> None:
    before, after = (template.format(ID[side], TIME[side], COUNT[side]) + RULES for side in (0, 1))
    assert in_system(before, after) == [(FIRST, "uuid"), (FIRST, "timestamp"), (FIRST, "number")]


@pytest.mark.parametrize(
    ("sides", "kinds"),
    [
        ((ID[0], TIME, "v2"), ["timestamp"]),
        ((ID, TIME[0], "v2"), ["uuid"]),
        ((ID[0], TIME[0], COUNT), ["number"]),
        ((ID, TIME[0], COUNT), ["uuid", "number"]),
    ],
)  # fmt: skip
def test_literals_that_stay_are_not_named(sides: tuple[str | tuple[str, str], ...], kinds: list[str]) -> None:
    before, after = (
        "Session {} at {} and {}.\n".format(
            *(side if isinstance(side, str) else side[which] for side in sides)
        )
        + RULES
        for which in (0, 1)
    )
    assert in_system(before, after) == [(FIRST, kind) for kind in kinds]


def test_what_follows_a_long_part_that_did_not_change_is_not_named() -> None:
    near, far = (
        [f"At {TIME[side]}.\n{text}This is {COUNT[side]}.\n{RULES}" for side in (0, 1)]
        for text in (SHORT, RULES)
    )
    assert in_system(*near) == [(FIRST, "timestamp"), (FIRST, "number")]
    assert in_system(*far) == [(FIRST, "timestamp")]


def test_at_most_five_are_named() -> None:
    before, after = (
        "".join(f"Value {letter} is {number}.\n" for letter in "abcdefgh") + RULES for number in (17, 18)
    )
    assert in_system(before, after) == [(FIRST, "number")] * 5


def test_places_in_several_messages_and_tools_are_named() -> None:
    old, new = (
        chat(
            system(f"At {TIME[side]}.\n{SHORT}"),
            user(f"Ticket {ID[side]}: {SHORT}"),
            assistant(SHORT),
            user(RULES),
            tools=[tool("search", f"Finds {COUNT[side]}."), tool("read")],
        )
        for side in (0, 1)
    )
    assert differences(old, new) == [
        ("tools[0].function.description", "number"),
        ("messages[0].content", "timestamp"),
        ("messages[1].content", "uuid"),
    ]


def test_insertions_and_edits_are_named_beside_literals() -> None:
    before = f"At {TIME[0]}.\nAnn is here.\n{SHORT}{prose(100, 'end')}"
    after = f"At {TIME[1]}.\nBob is there.\n{SHORT}One line more, for the sake of it.\n{prose(100, 'end')}"
    assert in_system(before, after) == [(FIRST, "timestamp"), (FIRST, "edited"), (FIRST, "added")]


def test_nothing_is_named_behind_what_was_reordered() -> None:
    tools = [tool(name, f"{name} at {{}}") for name in "abc"]
    old, new = (chat(system(f"At {TIME[side]}.\n{RULES}"), tools=tools[:: 1 - 2 * side]) for side in (0, 1))
    assert differences(old, new) == [("tools[0]", "reordered")]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("{0}", "{0}\n\n<memories>\nLikes tea.\n</memories>", "added"),
        ("{0}\n\n<memories>\nLikes tea.\n</memories>", "{0}", "removed"),
        ("{0} Likes tea.", "{0}", "removed"),
        ("{0}", "{0}  Likes tea.", "added"),
        ("{0}\n", "{0}\n\n", "edited"),
        ("One. {0}", "One.\n{0}", "edited"),
    ],
)  # fmt: skip
def test_a_text_that_gains_or_loses_its_end(before: str, after: str, kind: str) -> None:
    text = RULES.rstrip()
    assert in_system(before.format(text), after.format(text)) == [(FIRST, kind)]


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ({"required": ["a", "b", "c"]}, {"required": ["c", "b", "a"]}, "required[0]"),
        ({"required": ["a", "b", "c"]}, {"required": ["a", "c", "b"]}, "required[1]"),
        ({"enum": [1, 2, None, "x"]}, {"enum": ["x", None, 1, 2]}, "enum[0]"),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "null"}, {"type": "string"}]},
            "anyOf[0].type",
        ),
        ({"type": ["string", "null"]}, {"type": ["null", "string"]}, "type[0]"),
    ],
)  # fmt: skip
def test_the_items_of_an_array_in_another_order(before: Body, after: Body, path: str) -> None:
    old, new = (chat(system(RULES), tools=[tool("search", **schema)]) for schema in (before, after))
    assert differences(old, new) == [(f"tools[0].function.parameters.{path}", "reordered")]


def test_the_marks_of_literals_are_few() -> None:
    text = " ".join(map(str, range(1_000)))
    assert len(literal_marks(text)) == MAX_LITERALS * MARK_BYTES
    assert changed_kinds(text, literal_marks(text), literal_marks(text[4:])) == ["number"]
    assert changed_kinds(text, literal_marks(text), literal_marks("1 2")) == []


def test_no_changed_literal_is_taken_for_the_same() -> None:
    old, new = ([literal_marks(f"Request {start + n}.") for n in range(5_000)] for start in (0, 5_000))
    assert [before for before, after in zip(old, new, strict=True) if before == after] == []


# Fragments that matter: digits, long words, parts of dates, times and UUIDs, and what may surround them.
_FRAGMENTS = (
    "word |x|7|12|2026-11-20|T11:46Z|11:46 pm| at |#|_%+-@|, |. |-|\n|May |september |Sept. |\u017fept 3|é|天|\u0663|K"
    "|5年|deadbeef|-dead-dead-dead-deadbeefdead|abababababababababababababababab|3rd of |1.2.26"
)


@example("10:01deadbeefdeadbeefdeadbeefdeadbeef")  # a word that is volatile as a whole, but whose rest is not
@given(st.lists(st.sampled_from(_FRAGMENTS.split("|")), max_size=30).map("".join))
def test_literals_are_what_the_pattern_says_however_rare_they_are(text: str) -> None:
    found = [match[0] for match in islice(_LITERAL.finditer(text), MAX_LITERALS)]
    assert literals(text) == found
