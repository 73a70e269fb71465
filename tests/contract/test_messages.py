"""The Messages API on the wire: what is read from requests and answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.core.exchange import ProviderDiagnosis
from otel_promptcache.core.prompt.chain import hash_prompt
from otel_promptcache.core.prompt.segments import Role, Segment, SegmentKind
from otel_promptcache.wire.anthropic.messages import MESSAGES
from otel_promptcache.wire.anthropic.usage import MAX_ITERATIONS
from otel_promptcache.wire.request import RequestContent, read_request
from otel_promptcache.wire.routes import wire_format

MARK = {"cache_control": {"type": "ephemeral"}}
MARK_1H = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
TEXT = {"type": "text", "text": "Hi"}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 9_000}}
BEDROCK = "/model/global.anthropic.claude-opus-5/invoke"
VERTEX = "/v1/projects/p/locations/{}/publishers/anthropic/models/claude-opus-5:{}"


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content[0] if isinstance(content[0], str) else list(content)}


def read(request: dict[str, Any], path: str) -> RequestContent:
    return read_request(MESSAGES, request, path, hash)


SETTINGS = ("citations", "tool_choice", "images")


def parts(request: dict[str, Any]) -> list[Segment]:
    """The segments that are part of the prompt's text."""
    return [each for each in MESSAGES.segments(request) if each.kind is not SegmentKind.SETTING]


def hashes(request: dict[str, Any]) -> list[int]:
    return [link.prefix for link in hash_prompt(MESSAGES.segments(request)).links]


system_blocks = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["text", "search_result"]),
        "text": st.sampled_from(["", "a", "b", 1, None]),
        "cache_control": st.sampled_from(
            [None, {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "5m"}, MARK_1H["cache_control"]]
        ),
        "citations": st.sampled_from([None, [], [{"type": "char_location"}]]),
        "title": st.sampled_from(["a", "b"]),
    },
)


@given(system_blocks, system_blocks)
def test_system_blocks_are_taken_for_equal_only_if_their_segments_are(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    keys, segments = zip(*map(system_block, (one, other)), strict=True)
    assert keys[0] != keys[1] or segments[0] == segments[1]
    assert keys[0] == keys[1] or list(one.items()) != list(other.items())  # their order counts, too


def system_block(block: dict[str, Any]) -> tuple[int, list[Segment]]:
    """The key of a block of the system prompt, and its segments."""
    _, (key, read_segments), *_ = MESSAGES.blocks({"system": [block]})
    return key, list(read_segments())


class TestRoutes:
    @pytest.mark.parametrize(
        "path",
        [
            "/v1/messages",
            "/v1/messages?beta=true",
            "https://host/anthropic/v1/messages",
            BEDROCK,
            f"{BEDROCK}-with-response-stream",
            VERTEX.format("global", "rawPredict"),
            VERTEX.format("global", "streamRawPredict"),
        ],
    )
    def test_an_inference(self, path: str) -> None:
        assert wire_format("post", path) is MESSAGES

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/messages/count_tokens",
            "/v1/messages/count_tokens?beta=true",
            "/v1/messages/batches",
            "/v1/complete",
            "/threads/thread_1/messages",
            "/model/x/invoke-agent",
            "/agents/x/invoke",
            VERTEX.format("global", "rawPredict").replace("claude-opus-5", "count-tokens"),
            VERTEX.format("global", "rawPredict").replace("/publishers/anthropic", "/publishers/google"),
        ],
    )
    def test_no_inference(self, path: str) -> None:
        assert wire_format("post", path) is None

    def test_a_list_of_messages_is_no_inference(self) -> None:
        assert wire_format("get", "/v1/messages") is None


class TestTargets:
    def test_the_body_names_the_model(self) -> None:
        request = read({"model": "claude-opus-5", "stream": True}, "/v1/messages")
        assert (request.model, request.is_stream, request.has_list_price) == ("claude-opus-5", True, True)

    @pytest.mark.parametrize(("suffix", "is_stream"), [("", False), ("-with-response-stream", True)])
    def test_bedrock_names_it_in_the_path(self, suffix: str, is_stream: bool) -> None:
        request = read({}, BEDROCK + suffix)
        assert (request.model, request.is_stream) == ("global.anthropic.claude-opus-5", is_stream)

    def test_an_inference_profile_has_slashes_in_its_name(self) -> None:
        name = "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-5"
        assert read({}, f"/model/{name}/invoke").model == name

    @pytest.mark.parametrize(("method", "is_stream"), [("rawPredict", False), ("streamRawPredict", True)])
    def test_so_does_vertex(self, method: str, is_stream: bool) -> None:
        request = read({}, VERTEX.format("global", method))
        assert (request.model, request.is_stream) == ("claude-opus-5", is_stream)

    def test_regions_of_vertex_have_no_list_price(self) -> None:
        assert read({}, VERTEX.format("global", "rawPredict")).has_list_price
        assert not read({}, VERTEX.format("us-east5", "rawPredict")).has_list_price

    @pytest.mark.parametrize(
        ("member", "asks"),
        [
            ({}, False),
            ({"speed": "standard"}, False),
            ({"speed": "fast"}, True),
            ({"inference_geo": "us"}, True),
            ({"inference_geo": "global"}, False),
            ({"inference_geo": None}, False),
        ],
    )
    def test_what_is_billed_at_other_prices(self, member: dict[str, Any], asks: bool) -> None:
        assert read(member, "/v1/messages").asks_for_another_price == asks

    def test_its_service_tier_is_not_that_of_openai(self) -> None:
        assert read({"service_tier": "auto"}, "/v1/messages").service_tier is None


class TestPrompt:
    def test_tools_come_first_then_the_system_prompt_then_the_messages(self) -> None:
        request = {
            "messages": [user("Hi"), {"role": "assistant", "content": [TEXT]}],
            "system": "Be brief.",
            "tools": [{"name": "search", "input_schema": {}}, {"type": "web_search_20260209"}],
        }
        found = [(each.kind, each.path, each.label, each.role) for each in MESSAGES.segments(request)]
        assert found == [
            (SegmentKind.TOOL, "tools[0]", "search", Role.DEVELOPER),
            (SegmentKind.TOOL, "tools[1]", "web_search_20260209", Role.DEVELOPER),
            (SegmentKind.SETTING, "citations", "", Role.DEVELOPER),
            (SegmentKind.INSTRUCTIONS, "system", "", Role.DEVELOPER),
            (SegmentKind.SETTING, "tool_choice", "", Role.DEVELOPER),
            (SegmentKind.SETTING, "images", "", Role.DEVELOPER),
            (SegmentKind.ITEM, "messages[0].content", "", Role.USER),
            (SegmentKind.ITEM, "messages[1].content[0]", "", Role.ASSISTANT),
        ]

    def test_a_text_is_the_same_as_one_block_of_it(self) -> None:
        short = {"system": "Be brief.", "messages": [user("Hi")]}
        blocks = {
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [user({**TEXT, "citations": None})],
        }
        assert hashes(short) == hashes(blocks)

    @pytest.mark.parametrize("marker", [MARK, MARK_1H, {"cache_control": None}])
    def test_a_marker_is_no_content(self, marker: dict[str, Any]) -> None:
        result = {"type": "tool_result", "tool_use_id": "t", "content": [TEXT, "odd"]}
        plain = {"tools": [{"name": "f"}], "system": [TEXT], "messages": [user(TEXT, IMAGE, result)]}
        marked = {
            "tools": [{"name": "f", **marker}],
            "system": [{**TEXT, **marker}],
            "messages": [
                user(
                    {**TEXT, **marker},
                    {**IMAGE, **marker},
                    {**result, "content": [{**TEXT, **marker}, "odd"]},
                )
            ],
            **marker,
        }
        assert hashes(marked) == hashes(plain)

    def test_markers_are_found(self) -> None:
        result = {"type": "tool_result", "tool_use_id": "t", "content": [{**TEXT, **MARK}]}
        request = {
            "tools": [{"name": "f"}, {"name": "g", **MARK_1H}],
            "system": [{**TEXT, **MARK}],
            "messages": [user("Hi"), user(TEXT, {**TEXT, **MARK_1H}, result)],
        }
        found = [each.breakpoint_ttl for each in parts(request)]
        assert found == [None, "1h", "5m", None, None, "1h", "5m"]

    def test_blocks_say_who_speaks_and_how_large_they_are(self) -> None:
        request = {
            "messages": [
                user(IMAGE, {"type": "tool_result", "tool_use_id": "t", "content": "42"}),
                {"role": "assistant", "content": [{"type": "compaction", "content": "So far."}]},
                {"role": "system", "content": "From now on, be long."},
            ]
        }
        found = [(each.role, each.size_bytes, each.ends_message) for each in parts(request)]
        assert found == [
            (Role.USER, 3_000, False),
            (Role.TOOL, None, True),
            (Role.COMPACTION, None, True),
            (Role.DEVELOPER, None, True),
        ]

    def test_equal_blocks_have_equal_keys(self) -> None:
        request = {"tools": [{"name": "f"}], "system": [TEXT], "messages": [user("Hi"), user(TEXT)]}
        copy = {"tools": [{"name": "f"}], "system": [dict(TEXT)], "messages": [user("Hi"), user(dict(TEXT))]}
        assert [key for key, _ in MESSAGES.blocks(request)] == [key for key, _ in MESSAGES.blocks(copy)]
        assert len({key for key, _ in MESSAGES.blocks(request)}) == 4 + len(SETTINGS)

    @pytest.mark.parametrize(
        "odd", [None, 7, "text", [], [None], [[1]], {"a": 1}, [{"type": 7, "text": []}], [{"content": 7}]]
    )
    def test_odd_requests_say_nothing(self, odd: Any) -> None:
        for member in ("tools", "system", "messages", "cache_control", "thread", "thinking", "speed"):
            request = {member: odd}
            list(MESSAGES.segments(request))
            read(request, "/v1/messages")

    def test_a_continued_thread_shows_the_end_of_the_prompt(self) -> None:
        request = {
            "system": "S",
            "messages": [user("Hi")],
            "thread": {"type": "continue", "previous_message_id": "msg_1"},
        }
        request_content = read(request, "/v1/messages")
        assert request_content.options.is_continued
        assert len(list(request_content.read_blocks())) == 1 + len(SETTINGS)
        assert not read({"thread": {"type": "create"}}, "/v1/messages").options.is_continued

    @pytest.mark.parametrize(
        ("messages", "ttls"),
        [
            ([user("Hi"), user("Yo")], [None, "1h"]),
            ([user(TEXT, TEXT), user({"type": "text", "text": ""})], [None, "1h", None]),
            ([user(TEXT), {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}]}], ["1h", None]),
            ([user(TEXT, {**TEXT, **MARK})], [None, "5m"]),
            ([user("")], [None]),
            ([user({"type": "tool_result", "tool_use_id": "t", "content": "42"})], ["1h"]),
            ([7, user("Hi"), None], ["1h"]),
        ],
    )  # fmt: skip
    def test_a_marker_at_the_top_marks_the_last_block_that_can_be(
        self, messages: Any, ttls: list[str]
    ) -> None:
        found = [each.breakpoint_ttl for each in parts({"system": "S", "messages": messages, **MARK_1H})]
        assert found == [None, *ttls]

    def test_it_is_told_apart_from_the_same_block_without_it(self) -> None:
        request = {"messages": [user("Hi")]}
        assert hashes({**request, **MARK}) == hashes(request)
        keys = [key for key, _ in MESSAGES.blocks(request)]
        assert [key for key, _ in MESSAGES.blocks({**request, **MARK})] != keys

    @pytest.mark.parametrize(
        ("member", "changed"),
        [
            ({"tool_choice": {"type": "any"}}, ["tool_choice", "images", "messages"]),
            ({"messages": [user(TEXT, IMAGE)]}, ["images", "messages"]),
            ({"messages": [user(TEXT, {"type": "tool_result", "content": [IMAGE]})]}, ["images", "messages"]),
            (
                {"messages": [user(TEXT, {"type": "document", "citations": {"enabled": True}})]},
                ["citations", "system", "tool_choice", "images", "messages"],
            ),
            ({"messages": [user(TEXT, {"type": "document"})]}, ["messages"]),
        ],
    )
    def test_what_is_lost_with_a_setting(self, member: dict[str, Any], changed: list[str]) -> None:
        plain = {"tools": [{"name": "f"}], "system": "S", "messages": [user(TEXT, TEXT)]}
        old, new = (
            hash_prompt(tuple(MESSAGES.segments(each))).links for each in (plain, {**plain, **member})
        )
        differing = [mine.path for mine, theirs in zip(new, old, strict=True) if mine.prefix != theirs.prefix]
        assert list(dict.fromkeys(path.partition("[")[0] for path in differing)) == changed

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("thinking", {"type": "adaptive"}),
            ("speed", "fast"),
            ("output_config", {"effort": "low"}),
            ("context_management", {"edits": []}),
        ],
    )
    def test_settings_separate_caches(self, name: str, value: Any) -> None:
        scope, plain = read({name: value}, "/v1/messages").settings, read({}, "/v1/messages").settings
        assert [setting for setting, _ in scope] == [name]
        assert plain == ()
        assert scope == read({name: value}, "/v1/messages").settings

    @pytest.mark.parametrize(
        "request_", [{"tool_choice": {"type": "auto"}}, {"speed": "standard"}, {"thinking": None}]
    )
    def test_to_name_a_default_is_to_leave_it_out(self, request_: dict[str, Any]) -> None:
        assert read(request_, "/v1/messages").settings == ()
        assert hashes(request_) == hashes({})


USAGE = {
    "input_tokens": 21,
    "cache_read_input_tokens": 1_000,
    "cache_creation_input_tokens": 300,
    "output_tokens": 7,
}


def usage_of(raw: Any) -> Any:
    part = MESSAGES.read_answer({"type": "message", "usage": raw})
    if part.invalid_usage is not None:
        raise part.invalid_usage
    return part.usage


def billing_of(**members: Any) -> str | None:
    return MESSAGES.read_answer({"type": "message", "usage": {**USAGE, **members}}).reply.billing


class TestUsage:
    def test_a_message_reports_all_of_it(self) -> None:
        split = {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100}
        usage = usage_of({**USAGE, "cache_creation": split, "output_tokens_details": {"thinking_tokens": 3}})
        assert (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) == (1_321, 7, 3)
        assert (usage.cache_read_tokens, usage.cache_write_tokens) == (1_000, 300)
        assert usage.written_by_lifetime == (("5m", 200), ("1h", 100))

    def test_a_zero_is_not_unknown(self) -> None:
        zero = usage_of({**USAGE, "cache_read_input_tokens": 0})
        unknown = usage_of({**USAGE, "cache_read_input_tokens": None})
        assert (zero.cache_read_tokens, unknown.cache_read_tokens) == (0, None)

    @pytest.mark.parametrize(
        "raw",
        [
            "many",
            {**USAGE, "cache_creation": 7},
            {**USAGE, "input_tokens": -1},
            {**USAGE, "cache_creation": {"ephemeral_1h_input_tokens": 301}},
            {**USAGE, "iterations": [{"type": "compaction", "input_tokens": "x"}]},
        ],
    )
    def test_impossible_usage_is_named_and_the_rest_holds(self, raw: Any) -> None:
        part = MESSAGES.read_answer({"type": "message", "id": "msg_1", "usage": raw})
        assert part.usage is None
        assert part.invalid_usage is not None
        assert part.reply.response_id == "msg_1"

    def test_whole_floats_are_counts(self) -> None:
        assert usage_of({**USAGE, "input_tokens": 21.0}).input_tokens == 1_321

    def test_compactions_are_compactions(self) -> None:
        compaction = {
            "type": "compaction",
            "input_tokens": 5,
            "cache_read_input_tokens": 6,
            "cache_creation_input_tokens": 7,
            "output_tokens": 8,
        }
        usage = usage_of({**USAGE, "iterations": [{"type": "message", **USAGE}, compaction]})
        (apart,) = usage.compactions
        assert (usage.input_tokens, apart.input_tokens, apart.cache_read_tokens) == (1_321, 18, 6)
        assert billing_of(iterations=[compaction]) is None

    @pytest.mark.parametrize(
        ("members", "billing"),
        [
            ({}, None),
            ({"service_tier": "standard", "speed": "standard", "inference_geo": "global"}, None),
            ({"inference_geo": "not_available"}, None),
            ({"speed": "fast"}, "fast"),
            ({"service_tier": "batch"}, "batch"),
            ({"service_tier": "priority", "speed": "fast"}, "priority+fast"),
            ({"inference_geo": "us"}, "us"),
            ({"speed": {"odd": 1}}, "unknown"),
            ({"service_tier": "free text, long"}, "unknown"),
            ({"inference_geo": ["us"]}, "unknown"),
            ({"fallback_credit": {"status": "redeemed"}}, "fallback_credit"),
            ({"iterations": [{"type": "advisor_message", "model": "m"}]}, "other_models"),
            ({"iterations": [{"type": "message"}, {"type": "fallback_message", "model": "m"}]}, "other_models"),
            ({"iterations": "odd"}, "other_models"),
            ({"iterations": [{"type": ["message"]}, 7]}, "other_models"),
            ({"iterations": [{"type": "message"}] * (MAX_ITERATIONS + 1)}, "other_models"),
            ({"iterations": []}, None),
        ],
    )  # fmt: skip
    def test_what_is_not_billed_at_the_standard_prices(
        self, members: dict[str, Any], billing: str | None
    ) -> None:
        assert billing_of(**members) == billing


class TestAnswers:
    def test_a_message(self) -> None:
        reply = MESSAGES.read_answer(
            {
                "type": "message",
                "id": "msg_1",
                "model": "claude-opus-5",
                "stop_reason": "end_turn",
                "usage": {**USAGE, "service_tier": "standard"},
            }
        ).reply
        assert (reply.response_id, reply.model, reply.finish_reasons) == (
            "msg_1",
            "claude-opus-5",
            {0: "end_turn"},
        )
        assert (reply.service_tier, reply.error_type, reply.progress) == (None, None, None)

    def test_the_start_of_a_stream_has_no_output_yet(self) -> None:
        part = MESSAGES.read_answer(
            {"type": "message_start", "message": {"id": "msg_1", "usage": {**USAGE, "output_tokens": 1}}}
        )
        assert part.usage is not None
        assert (part.usage.input_tokens, part.usage.output_tokens) == (1_321, None)
        assert part.reply.response_id == "msg_1"
        assert not part.has_token
        assert not part.is_terminal

    @pytest.mark.parametrize(
        ("delta", "has_token"),
        [
            ({"type": "text_delta", "text": "Hi"}, True),
            ({"type": "text_delta", "text": ""}, False),
            ({"type": "input_json_delta", "partial_json": "{"}, True),
            ({"type": "input_json_delta", "partial_json": ""}, False),
            ({"type": "thinking_delta", "thinking": "Hm"}, True),
            ({"type": "signature_delta", "signature": "x"}, False),
            ({"type": 7}, False),
            (None, False),
        ],
    )  # fmt: skip
    def test_the_first_token(self, delta: Any, has_token: bool) -> None:
        part = MESSAGES.read_answer({"type": "content_block_delta", "index": 0, "delta": delta})
        assert part.has_token == has_token
        assert not part.is_terminal

    def test_the_end(self) -> None:
        delta = MESSAGES.read_answer(
            {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 9}}
        )
        assert delta.reply.finish_reasons == {0: "max_tokens"}
        assert delta.usage is not None
        assert (delta.usage.output_tokens, delta.usage.input_tokens) == (9, None)
        assert not delta.is_terminal
        assert MESSAGES.read_answer({"type": "message_stop"}).is_terminal

    @pytest.mark.parametrize(
        ("error", "name"),
        [
            ({"type": "overloaded_error"}, "overloaded_error"),
            (None, "APIStatusError"),
            ({"type": "free text!"}, "APIStatusError"),
        ],
    )
    def test_an_error_ends_it(self, error: Any, name: str) -> None:
        part = MESSAGES.read_answer({"type": "error", "error": error})
        assert (part.reply.error_type, part.is_terminal) == (name, True)

    @pytest.mark.parametrize(
        "odd",
        [
            {},
            {"type": "ping"},
            {"type": ["message"]},
            {"type": "message_start"},
            {"type": "message_start", "message": 7},
            {"type": "message_delta", "delta": 7},
        ],
    )
    def test_what_is_of_no_interest_says_nothing(self, odd: dict[str, Any]) -> None:
        part = MESSAGES.read_answer(odd)
        assert not any(part.reply)
        assert (part.usage, part.has_token, part.is_terminal) == (None, False, False)

    def test_late_events_are_told_by_their_bytes(self) -> None:
        late, other = (
            MESSAGES.late_events,
            rb'{"type":"content_block_delta","delta":{"text":"\"type\": \"error\""}}',
        )
        assert all(
            late.search(f'{{"type": "{name}"}}'.encode())
            for name in ("message_delta", "message_stop", "error")
        )
        assert late.search(other) is None


class TestDiagnostics:
    @pytest.mark.parametrize(
        ("said", "diagnosis"),
        [
            ({"type": "model_changed", "cache_missed_input_tokens": 9}, ProviderDiagnosis("model_changed", 9)),
            ({"type": "tools_changed", "cache_missed_input_tokens": 9}, ProviderDiagnosis("tools_changed", 9, "tools")),
            ({"type": "system_changed", "cache_missed_input_tokens": 9}, ProviderDiagnosis("input_changed", 9, "system")),
            ({"type": "messages_changed"}, ProviderDiagnosis("input_changed", None, "messages")),
            ({"type": "messages_changed", "cache_missed_input_tokens": "9"}, ProviderDiagnosis("input_changed", None, "messages")),
            ({"type": "previous_message_not_found"}, None),
            ({"type": "unavailable"}, None),
            ({"type": 7}, None),
        ],
    )  # fmt: skip
    def test_what_it_says(self, said: dict[str, Any], diagnosis: ProviderDiagnosis | None) -> None:
        message = {"diagnostics": {"cache_miss_reason": said}}
        assert MESSAGES.read_answer({"type": "message", **message}).reply.diagnosis == diagnosis
        assert (
            MESSAGES.read_answer({"type": "message_start", "message": message}).reply.diagnosis == diagnosis
        )

    @pytest.mark.parametrize(
        "message", [{}, {"diagnostics": None}, {"diagnostics": {"cache_miss_reason": None}}]
    )
    def test_it_was_not_asked_or_found_nothing_or_is_not_done(self, message: dict[str, Any]) -> None:
        assert MESSAGES.read_answer({"type": "message", **message}).reply.diagnosis is None
