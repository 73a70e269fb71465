"""Anthropic's cache rules: how much of a prompt could have been read, and why it was not."""

from __future__ import annotations

from typing import Any

import pytest

from otel_promptcache.core.diagnosis.verdict import Diagnosis
from otel_promptcache.core.exchange import ProviderDiagnosis, Reply
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.prompt.boundaries import marked_boundaries
from otel_promptcache.core.prompt.chain import hash_prompt
from otel_promptcache.core.prompt.segments import Segment, SegmentKind
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.wire.anthropic.messages import MESSAGES
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS
from tests.unit.prompts import Application, Body, prose

MODEL = "claude-opus-5"
CLAUDE = policy_for("anthropic", MODEL)
RULES = prose(3_000)
MARK: Body = {"cache_control": {"type": "ephemeral"}}
MARK_1H: Body = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
IMAGE: Body = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}


def text(content: str, marker: Body | None = None) -> Body:
    return {"type": "text", "text": content, **(marker or {})}


def user(*content: Body) -> Body:
    return {"role": "user", "content": list(content)}


def assistant(content: str) -> Body:
    return {"role": "assistant", "content": [text(content)]}


def request(*messages: Body, system: Body | None = None, **members: Any) -> Body:
    rules = text(RULES, MARK) if system is None else system
    return {"model": MODEL, "system": [rules], "messages": list(messages), **members}


@pytest.fixture
def application() -> Application:
    return Application(MESSAGES, policy=CLAUDE)


def told(diagnosis: Diagnosis) -> tuple[str | None, str | None]:
    """The reason and the place."""
    place = diagnosis.place.path if diagnosis.place else None
    return diagnosis.reason.value if diagnosis.reason else None, place


HI = request(user(text("Hi")))
SYSTEM_TOKENS = 3_000


class TestBoundaries:
    @staticmethod
    def found(*marks: int, blocks: int = 60, window: int = 20) -> tuple[list[int], list[int]]:
        segments = [
            Segment(SegmentKind.ITEM, "path", str(index), breakpoint_ttl="5m" if index in marks else None)
            for index in range(blocks)
        ]
        boundaries = marked_boundaries(hash_prompt(segments).links, window)
        assert all(each.is_marked for each in (*boundaries.readable, *boundaries.writable))
        readable, writable = (
            [place.position for place in each] for each in (boundaries.readable, boundaries.writable)
        )
        return readable, writable

    def test_nothing_is_cached_without_a_mark(self) -> None:
        assert self.found() == ([], [])

    def test_twenty_blocks_are_looked_at_the_marked_one_first(self) -> None:
        readable, writable = self.found(35)
        assert writable == [35]
        assert readable == list(range(16, 36))

    def test_each_mark_has_a_window_of_its_own(self) -> None:
        assert self.found(3, 50) == ([*range(4), *range(31, 51)], [3, 50])
        assert self.found(30, 40)[0] == list(range(11, 41))

    def test_four_marks_count(self) -> None:
        assert self.found(0, 10, 20, 30, 40, window=1) == ([10, 20, 30, 40], [10, 20, 30, 40])

    def test_settings_are_no_blocks(self) -> None:
        segments = [
            Segment(SegmentKind.INSTRUCTIONS, "system", "S"),
            Segment(SegmentKind.SETTING, "images", ""),
        ]
        segments.append(Segment(SegmentKind.ITEM, "messages", "Hi", breakpoint_ttl="5m"))
        boundaries = marked_boundaries(hash_prompt(segments).links, 2)
        assert [place.position for place in boundaries.readable] == [0, 2]


class TestReading:
    def test_what_was_written_is_expected(self, application: Application) -> None:
        assert told(application.send(HI, write=SYSTEM_TOKENS)) == ("cold_start", None)
        diagnosis = application.send(HI, read=SYSTEM_TOKENS, write=0)
        assert told(diagnosis) == (None, None)
        assert diagnosis.expected_tokens == SYSTEM_TOKENS

    def test_and_is_the_providers_miss_if_it_is_not_read(self, application: Application) -> None:
        application.send(HI, write=SYSTEM_TOKENS)
        diagnosis = application.send(HI, write=SYSTEM_TOKENS)
        assert (told(diagnosis), diagnosis.missed_tokens) == (("provider", None), SYSTEM_TOKENS)

    def test_a_new_question_is_no_loss(self, application: Application) -> None:
        application.send(HI, write=SYSTEM_TOKENS)
        other = request(user(text(prose(2_000, "other"))))
        assert told(application.send(other, read=SYSTEM_TOKENS, write=0)) == (None, None)

    @pytest.mark.parametrize(("blocks", "reason"), [(19, "provider"), (20, "no_matching_breakpoint")])
    def test_an_entry_is_found_from_twenty_positions_on(
        self, blocks: int, reason: str, application: Application
    ) -> None:
        """As in Anthropic's worked example: a mark at 35 finds what was written at 16, but not at 15."""
        long = [text(f"{prose(300)} Part {index}.") for index in range(15)]
        first = request(user(*long[:-1], {**long[-1], **MARK}), system=text("Be brief."))
        second = request(user(*long, *[text(f"More {index}.") for index in range(blocks - 1)], text("End.", MARK)),
                         system=text("Be brief."))  # fmt: skip
        tokens = application.tokens(first)
        application.send(first, write=tokens)
        diagnosis = application.send(second, write=application.tokens(second))
        assert told(diagnosis)[0] == reason
        if reason == "no_matching_breakpoint":
            assert diagnosis.breakpoint_path == "messages[0].content[14]"

    def test_wherever_earlier_marks_were(self, application: Application) -> None:
        turns = [user(text(prose(1_000))), assistant("Yes."), user(text("And?", MARK))]
        application.send(request(*turns[:1], system=text("S"), **MARK), write=1_000)
        diagnosis = application.send(request(*turns, system=text("S")), write=1_000)
        assert told(diagnosis)[0] == "provider"

    def test_a_mark_is_no_content(self, application: Application) -> None:
        application.send(HI, write=SYSTEM_TOKENS)
        moved = {**request(user(text("Hi")), system=text(RULES, MARK_1H))}
        assert told(application.send(moved, read=SYSTEM_TOKENS, write=0)) == (None, None)

    def test_what_is_read_shows_nothing_without_a_mark_of_ours(self, application: Application) -> None:
        plain = request(user(text("Hi")), system=text(RULES))
        assert application.send(plain, write=SYSTEM_TOKENS) == Diagnosis()
        assert application.send(plain, read=SYSTEM_TOKENS, write=0) == Diagnosis()

    def test_nor_do_prompts_that_were_processed_again(self, application: Application) -> None:
        application.send(HI, write=SYSTEM_TOKENS)
        examination = application.open(HI)
        usage = TokenUsage(3_000, cache_read_tokens=0, cache_write_tokens=3_000, has_further_readings=True)
        assert examination.judge(usage, None, CLAUDE) == Diagnosis()
        assert not examination.learned_tokens


class TestLifetime:
    @pytest.mark.parametrize(
        ("mark", "after_seconds", "reason"),
        [
            (MARK, 299, "provider"),
            (MARK, 301, "expired"),
            (MARK_1H, 3_599, "provider"),
            (MARK_1H, 3_601, "expired"),
        ],
    )
    def test_is_that_of_the_mark(
        self, mark: Body, after_seconds: float, reason: str, application: Application
    ) -> None:
        body = request(user(text("Hi")), system=text(RULES, mark))
        application.send(body, write=SYSTEM_TOKENS)
        application.now_seconds += after_seconds
        assert told(application.send(body, write=SYSTEM_TOKENS))[0] == reason

    def test_begins_with_the_request(self, application: Application) -> None:
        examination = application.open(HI)
        application.now_seconds += 100  # until the answer
        examination.answered(Reply(), CLAUDE, application.now_seconds)
        application.now_seconds += 201
        assert told(application.send(HI, write=SYSTEM_TOKENS))[0] == "expired"

    def test_begins_anew_when_it_is_read(self, application: Application) -> None:
        """Even if the mark that found it is somewhere else."""
        first = request(user(text(prose(1_000), MARK)), system=text("S"))
        second = request(
            *first["messages"][:1], assistant("Yes."), user(text(prose(100), MARK)), system=text("S")
        )
        second["messages"][0] = user(text(prose(1_000)))
        third = request(user(text(prose(1_000))), user(text("Another.", MARK)), system=text("S"))
        application.send(first, write=1_000)
        application.now_seconds += 200
        application.send(second, read=1_000, write=100)
        application.now_seconds += 200
        assert told(application.send(third, write=1_000))[0] == "provider"

    def test_but_not_by_a_request_that_did_not_read_it(self, application: Application) -> None:
        first = request(user(text(prose(1_000), MARK)), system=text("S"))
        second = request(user(text(prose(1_000))), user(text(prose(200), MARK)), system=text("S"))
        application.send(first, write=1_000)
        application.now_seconds += 200
        application.send(second, write=1_200)
        application.now_seconds += 200
        third = request(user(text(prose(1_000))), user(text("Another.", MARK)), system=text("S"))
        assert told(application.send(third, write=1_000))[0] == "expired"

    @pytest.mark.parametrize(("after_seconds", "reason"), [(3_599, "provider"), (3_601, "expired")])
    def test_begins_anew_for_what_lived_in_front_of_what_did_not(
        self, after_seconds: float, reason: str, application: Application
    ) -> None:
        body = request(user(text(prose(1_000), MARK)), system=text(RULES, MARK_1H))
        application.send(body, write=SYSTEM_TOKENS + 1_000)
        application.now_seconds += 400
        application.send(body, read=SYSTEM_TOKENS, write=1_000)
        application.now_seconds += after_seconds
        assert told(application.send(body, write=SYSTEM_TOKENS + 1_000))[0] == reason

    def test_twins_both_write(self, application: Application) -> None:
        examination = application.open(HI)
        assert told(application.send(HI, write=SYSTEM_TOKENS))[0] == "concurrent"
        examination.close()


class TestWhatChanged:
    def test_tools_spoil_all(self, application: Application) -> None:
        tool = {"name": "f", "input_schema": {"type": "object"}}
        application.send(HI, write=SYSTEM_TOKENS)
        diagnosis = application.send({**HI, "tools": [tool]}, write=SYSTEM_TOKENS)
        assert told(diagnosis) == ("tools_changed", "tools[0]")

    def test_the_system_prompt_spoils_what_follows(self, application: Application) -> None:
        clock = [text("It is 10:01."), text(RULES, MARK)]
        application.send({**HI, "system": clock}, write=SYSTEM_TOKENS)
        diagnosis = application.send({**HI, "system": [text("It is 10:02."), clock[1]]}, write=SYSTEM_TOKENS)
        assert told(diagnosis) == ("input_changed", "system[0]")

    @pytest.mark.parametrize(
        ("members", "path"),
        [
            ({"tool_choice": {"type": "any"}}, "tool_choice"),
            ({"thinking": {"type": "enabled", "budget_tokens": 2_000}}, "thinking"),
            ({"speed": "fast"}, "speed"),
            ({"output_config": {"effort": "low"}}, "output_config"),
        ],
    )
    def test_settings_spoil_the_messages(self, members: Body, path: str, application: Application) -> None:
        messages = [user(text(prose(2_000), MARK))]
        application.send(request(*messages), write=5_000)
        diagnosis = application.send(request(*messages, **members), read=SYSTEM_TOKENS, write=2_000)
        assert told(diagnosis) == ("settings_changed", path)
        assert diagnosis.missed_tokens == pytest.approx(2_000, abs=20)

    @pytest.mark.parametrize(
        ("model", "expected"),
        [
            ("claude-sonnet-4-5", ("input_changed", "messages[1].content[1]")),
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", ("input_changed", "messages[1].content[1]")),
            ("claude-opus-4-1@20250805", ("input_changed", "messages[1].content[1]")),
            ("claude-opus-5", ("provider", None)),
            ("claude-sonnet-4-6", ("provider", None)),
        ],
    )
    def test_older_models_drop_thinking_when_the_user_speaks(
        self, model: str, expected: tuple[str | None, str | None]
    ) -> None:
        application = Application(MESSAGES, policy=policy_for("anthropic", model))
        thinking = {"thinking": {"type": "enabled", "budget_tokens": 2_000}, "model": model, **MARK}
        called: Body = {"type": "tool_use", "id": "1", "name": "f", "input": {}}
        turn = {"role": "assistant", "content": [{"type": "thinking", "thinking": prose(200)}, called]}
        result: Body = {"type": "tool_result", "tool_use_id": "1", "content": prose(2_000)}
        loop = (user(text("Look.")), turn, user(result))
        application.send(request(*loop, **thinking), write=5_200)
        later = (*loop, user({**result, "tool_use_id": "2"}))
        assert told(application.send(request(*later, **thinking), read=5_200, write=2_000))[0] is None
        spoken = request(*loop, assistant("Found."), user(text("Thanks.")), **thinking)
        assert told(application.send(spoken, read=SYSTEM_TOKENS, write=2_000)) == expected
        once_more = request(*loop, assistant("Found."), user(text("Thanks."), text("Bye.")), **thinking)
        assert told(application.send(once_more, read=5_000, write=10))[0] is None

    def test_so_does_the_first_image(self, application: Application) -> None:
        turns = [user(text(prose(2_000))), assistant("Yes.")]
        application.send(request(*turns[:1], **MARK), write=5_000)
        diagnosis = application.send(request(*turns, user(IMAGE), **MARK), read=SYSTEM_TOKENS, write=2_700)
        assert told(diagnosis) == ("settings_changed", "images")
        assert told(application.send(request(*turns, user(IMAGE), **MARK), read=5_700, write=0)) == (
            None,
            None,
        )

    def test_of_which_the_system_prompt_does_not_depend(self, application: Application) -> None:
        """It is the provider's miss if it is not read with a different tool choice."""
        application.send(HI, write=SYSTEM_TOKENS)
        diagnosis = application.send({**HI, "tool_choice": {"type": "any"}}, write=SYSTEM_TOKENS)
        assert told(diagnosis) == ("provider", None)

    def test_a_model_has_a_cache_of_its_own(self, application: Application) -> None:
        application.send(HI, write=SYSTEM_TOKENS)
        assert (
            told(application.send({**HI, "model": "claude-opus-5-5"}, write=SYSTEM_TOKENS))[0]
            == "model_changed"
        )


class TestMarks:
    def test_a_mark_behind_what_changes_finds_nothing(self, application: Application) -> None:
        def with_clock(minute: int) -> Body:
            return {**HI, "system": [text(RULES), text(f"It is 10:0{minute}.", MARK)]}

        application.send(with_clock(1), write=SYSTEM_TOKENS)
        diagnosis = application.send(with_clock(2), write=SYSTEM_TOKENS)
        assert (told(diagnosis), diagnosis.breakpoint_path) == (
            ("no_matching_breakpoint", "system[1]"),
            "system[0]",
        )
        assert diagnosis.missed_tokens == pytest.approx(SYSTEM_TOKENS, abs=20)

    def test_only_the_messages_are_marked(self, application: Application) -> None:
        """The place for the missing mark is a block, not a setting after it."""
        questions = (request(user(text(question, MARK)), system=text(RULES)) for question in ("Hi", "Yo"))
        application.send(next(questions), write=SYSTEM_TOKENS)
        diagnosis = application.send(next(questions), write=SYSTEM_TOKENS)
        assert (told(diagnosis)[0], diagnosis.breakpoint_path) == ("no_matching_breakpoint", "system[0]")

    def test_nothing_is_marked(self, application: Application) -> None:
        plain = request(user(text("Hi")), system=text(RULES))
        first, second = (application.send(plain, write=0) for _ in range(2))
        assert told(first) == told(second) == ("caching_disabled", None)
        assert (first.missed_tokens, second.missed_tokens) == (0, application.tokens(plain))

    def test_what_is_marked_is_too_short(self, application: Application) -> None:
        short = request(user(text(prose(2_000))), system=text("Be brief.", MARK))
        for _ in range(2):
            diagnosis = application.send(short, write=0)
            assert (told(diagnosis), diagnosis.missed_tokens) == (("below_minimum", None), 0)

    def test_what_was_marked_was_not_written(self, application: Application) -> None:
        """A gateway may drop the marks."""
        application.send(HI, write=0)
        assert told(application.send(HI, write=0)) == ("provider", None)

    def test_of_a_model_without_a_known_minimum_nothing_is_said_of_that(self) -> None:
        policy = policy_for("anthropic", "claude-next-9")
        application = Application(MESSAGES, policy=policy)
        application.send(HI, write=0)
        assert told(application.send(HI, write=0))[0] != "below_minimum"

    def test_a_mark_at_the_top_is_as_good_as_one_on_a_block(self, application: Application) -> None:
        turn = user(text(prose(2_000)))
        application.send(request(turn, **MARK), write=5_000)
        marked = request(user(text(prose(2_000), MARK)))
        assert told(application.send(marked, write=5_000))[0] == "provider"


class TestDiagnostics:
    SAID = ProviderDiagnosis("input_changed", 1_000, "messages")

    def test_the_word_of_the_api_wins(self, application: Application) -> None:
        application.send(HI, write=SYSTEM_TOKENS)
        diagnosis = application.send(HI, write=SYSTEM_TOKENS, said=self.SAID)
        assert told(diagnosis) == ("input_changed", "messages")

    def test_but_not_if_nothing_was_to_be_cached(self, application: Application) -> None:
        plain = request(user(text("Hi")), system=text(RULES))
        assert told(application.send(plain, write=0, said=self.SAID)) == ("caching_disabled", None)


class TestChat:
    """Requests in OpenAI's format, as gateways accept them for these models."""

    @pytest.fixture
    def gateway(self) -> Application:
        return Application(CHAT_COMPLETIONS, policy=CLAUDE)

    @staticmethod
    def marked(where: str, minute: int = 0) -> Body:
        question = f"It is 10:0{minute}. Where is my order?"
        rules, tool = {"role": "system", "content": RULES}, {"type": "function", "function": {"name": "f"}}
        body: Body = {
            "model": MODEL,
            "tools": [tool],
            "messages": [rules, {"role": "user", "content": question}],
        }
        if where == "part":
            rules["content"] = [text(RULES, MARK)]
        elif where == "message":
            rules |= MARK
        elif where == "message of parts":
            rules |= {"content": [text(RULES)], **MARK}
        elif where == "tool":
            body["tools"] = [{**tool, **MARK}, {"type": "function", "function": {"name": "g", **MARK_1H}}]
        elif where == "top":
            body |= MARK
        return body

    @pytest.mark.parametrize("where", ["part", "message", "message of parts"])
    def test_what_is_marked_is_expected(self, where: str, gateway: Application) -> None:
        gateway.send(self.marked(where), write=SYSTEM_TOKENS)
        diagnosis = gateway.send(self.marked(where, 1), write=SYSTEM_TOKENS)
        assert told(diagnosis)[0] == "provider"
        assert diagnosis.expected_tokens == pytest.approx(SYSTEM_TOKENS, abs=30)

    def test_without_a_mark_nothing_is(self, gateway: Application) -> None:
        assert told(gateway.send(self.marked(""), write=0))[0] == "caching_disabled"

    def test_a_mark_at_the_top_is_one_on_the_last_message(self, gateway: Application) -> None:
        body = self.marked("top")
        gateway.send(body, write=gateway.tokens(body))
        diagnosis = gateway.send(body, write=0)
        assert (told(diagnosis)[0], diagnosis.expected_tokens) == ("provider", gateway.tokens(body))

    @pytest.mark.parametrize("where", ["part", "message", "message of parts", "tool", "top"])
    def test_a_mark_is_no_content(self, where: str, gateway: Application) -> None:
        plain, marked = (
            hash_prompt(gateway.segments(body)) for body in (self.marked(""), self.marked(where))
        )
        if where == "tool":
            assert marked.links[0].prefix == plain.links[0].prefix
            assert [link.breakpoint_ttl for link in marked.links[:2]] == ["", "1h"]
        else:
            assert marked.links[-1].content == plain.links[-1].content
            assert {link.content for link in marked.links} == {link.content for link in plain.links}
            assert any(link.breakpoint_ttl is not None for link in marked.links)
