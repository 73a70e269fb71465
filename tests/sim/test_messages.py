"""The simulator's Messages API: its cache rules, through Anthropic's SDK and over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.sim import ManualClock, SimConfig, Simulator, filler_text
from otel_promptcache.sim.http.errors import ApiError
from otel_promptcache.sim.messages.cache import MessagesCache
from otel_promptcache.sim.messages.models import minimum_tokens
from otel_promptcache.sim.messages.prompt import read_prompt

MODEL = "claude-opus-5"
RULES = filler_text(1_000)
MARK: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
MARK_1H: dict[str, Any] = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
IMAGE: dict[str, Any] = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
TOOL: dict[str, Any] = {
    "name": "search",
    "input_schema": {"type": "object", "properties": {"query": {"type": "string"}}},
}


def text(content: str, **marker: Any) -> dict[str, Any]:
    return {"type": "text", "text": content, **marker}


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def request(*messages: dict[str, Any], **members: Any) -> dict[str, Any]:
    system = [text(RULES, **MARK)]
    return {"model": MODEL, "max_tokens": 20, "system": system, "messages": list(messages), **members}


HI = request(user(text("Hi")))


class Cache:
    """The cache model with a clock; each request reads and writes immediately."""

    def __init__(self) -> None:
        self.cache = MessagesCache()
        self.now_seconds = 1_000.0

    def send(self, body: dict[str, Any], account: str = "a") -> tuple[int, int, int]:
        """Send a request; return tokens read, written for five minutes, and written for an hour."""
        read = self.cache.read(read_prompt(body), account, body["model"], self.now_seconds)
        self.cache.write(read)
        return read.cached_tokens, read.write_tokens_by_ttl["5m"], read.write_tokens_by_ttl["1h"]


@pytest.fixture
def cache() -> Cache:
    return Cache()


class TestRules:
    def test_what_is_marked_is_written_and_then_read(self, cache: Cache) -> None:
        assert cache.send(HI) == (0, 1_000, 0)
        assert cache.send(request(user(text("Yo")))) == (1_000, 0, 0)

    def test_nothing_is_cached_without_a_mark(self, cache: Cache) -> None:
        plain = {**HI, "system": RULES}
        assert [cache.send(plain) for _ in range(2)] == [(0, 0, 0)] * 2

    def test_a_mark_at_the_top_is_one_on_the_last_block(self, cache: Cache) -> None:
        body = {**HI, "system": RULES, **MARK}
        assert cache.send(body)[1] == read_prompt(body).tokens
        assert cache.send(body)[0] == read_prompt(body).tokens

    @pytest.mark.parametrize(("more", "read"), [(19, True), (20, False)])
    def test_twenty_positions_are_checked(self, more: int, read: bool, cache: Cache) -> None:
        blocks = [text(filler_text(100, index)) for index in range(15)]
        cache.send(request(user(*blocks[:-1], {**blocks[-1], **MARK}), system="S"))
        later = [text(f"More {index}.") for index in range(more)]
        found = cache.send(request(user(*blocks, *later[:-1], {**later[-1], **MARK}), system="S"))
        assert (found[0] > 0) is read

    def test_each_mark_looks_for_itself(self, cache: Cache) -> None:
        cache.send(HI)
        long = [text(f"{filler_text(50)} {index}") for index in range(40)]
        body = request(user(*long[:-1], {**long[-1], **MARK}))
        read, written, _ = cache.send(body)
        assert (read, read + written) == (1_000, read_prompt(body).tokens)

    @pytest.mark.parametrize(("after_seconds", "mark", "lives"), [
        (300, MARK, True), (301, MARK, False), (3_600, MARK_1H, True), (3_601, MARK_1H, False),
    ])  # fmt: skip
    def test_lifetimes(self, after_seconds: float, mark: dict[str, Any], lives: bool, cache: Cache) -> None:
        body = {**HI, "system": [text(RULES, **mark)]}
        cache.send(body)
        cache.now_seconds += after_seconds
        assert (cache.send(body)[0] > 0) is lives

    def test_to_read_is_to_live_on(self, cache: Cache) -> None:
        for _ in range(3):
            cache.send(HI)
            cache.now_seconds += 200
        assert cache.send(HI)[0] == 1_000

    def test_lifetimes_of_both_kinds(self, cache: Cache) -> None:
        body = request(user(text(filler_text(500, 1), **MARK)), system=[text(RULES, **MARK_1H)])
        assert cache.send(body) == (0, 500, 1_000)
        cache.now_seconds += 1_000
        assert cache.send(body) == (1_000, 500, 0)

    @pytest.mark.parametrize(
        ("members", "read"),
        [
            ({"tools": [TOOL]}, 0),
            ({"speed": "fast"}, 0),
            ({"tool_choice": {"type": "auto"}}, 1_000),
            ({"thinking": {"type": "adaptive"}}, 1_000),
            ({"messages": [user(text(filler_text(600, 2), **MARK), IMAGE)]}, 1_000),
            ({"temperature": 0.5}, 1_600),
        ],
    )
    def test_what_is_lost(self, members: dict[str, Any], read: int, cache: Cache) -> None:
        body = request(user(text(filler_text(600, 2), **MARK)))
        cache.send(body)
        assert cache.send({**body, **members})[0] == read

    @pytest.mark.parametrize(
        ("model", "keeps"),
        [("claude-sonnet-4-5-20250929", False), ("claude-opus-4-1", False), ("claude-sonnet-4-20250514", False),
         ("claude-opus-5", True), ("claude-sonnet-4-6", True)],
    )  # fmt: skip
    @pytest.mark.parametrize("is_spoken", [True, False])
    def test_older_models_drop_thinking_when_the_user_speaks(
        self, model: str, keeps: bool, is_spoken: bool, cache: Cache
    ) -> None:
        thought = {"type": "thinking", "thinking": filler_text(50, 3), "signature": "s"}
        result = {"type": "tool_result", "tool_use_id": "1", "content": filler_text(1_000, 4)}
        turn = {
            "role": "assistant",
            "content": [thought, {"type": "tool_use", "id": "1", "name": "f", "input": {}}],
        }
        loop = (user(text("Look.")), turn, user(result))
        body = request(
            *loop,
            system=[text(filler_text(2_000, 5), **MARK)],
            thinking={"type": "adaptive"},
            model=model,
            **MARK,
        )
        _, *written = cache.send(body)
        last = user(text("Thanks.") if is_spoken else {**result, "tool_use_id": "2"})
        read = cache.send({**body, "messages": [*loop, last]})[0]
        assert read == (sum(written) if keeps or not is_spoken else 2_000)

    def test_a_model_and_an_account_have_a_cache_of_their_own(self, cache: Cache) -> None:
        cache.send(HI)
        assert cache.send(HI, account="b")[0] == 0
        assert cache.send({**HI, "model": "claude-sonnet-5"})[0] == 0

    @pytest.mark.parametrize(
        ("model", "tokens"),
        [("claude-opus-5", 512), ("claude-haiku-5-5", 512), ("claude-sonnet-4-6", 1_024), ("claude-opus-4-7", 2_048),
         ("claude-haiku-4-5-20251001", 4_096)],
    )  # fmt: skip
    def test_what_is_too_short_is_not_written(self, model: str, tokens: int, cache: Cache) -> None:
        assert minimum_tokens(model) == tokens
        for length, written in ((tokens - 1, 0), (tokens, tokens)):
            body = {**HI, "model": model, "system": [text(filler_text(length, length), **MARK)]}
            assert cache.send(body)[1] == written

    @given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=12), st.integers(1, 12))
    def test_a_hit_is_what_an_earlier_request_wrote(self, marks: list[tuple[int, bool]], blocks: int) -> None:
        cache, written = Cache(), set[tuple[str, ...]]()
        for length, is_marked in marks:
            texts = [filler_text(600, index) for index in range(min(blocks, length + 1))]
            parts = [text(each) for each in texts]
            if is_marked:
                parts[-1] |= MARK
            read, fresh, _ = cache.send(request(user(*parts), system="S"))
            known = [prefix for prefix in written if tuple(texts[: len(prefix)]) == prefix]
            assert read == (max((600 * len(prefix) + 1 for prefix in known), default=0) if is_marked else 0)
            assert read + fresh <= 600 * len(texts) + 1
            if is_marked:
                written.add(tuple(texts))


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"messages": []}, "at least one message"),
            (request(*[user(text("Hi", **MARK))] * 4), "A maximum of 4 blocks with cache_control may be provided. Found 5."),
            (request(user(text("Hi", **MARK_1H))), "must not come after"),
            (request(user(text("", **MARK))), "empty text"),
            (request(user({"type": "thinking", "thinking": "Hm.", **MARK})), "thinking blocks"),
            (request(user(text("Hi", cache_control={"type": "forever"}))), "ephemeral"),
            (request(user(text("Hi", cache_control={"type": "ephemeral", "ttl": "2h"}))), "'5m' or '1h'"),
            (request({"role": "tool", "content": "Hi"}), "role"),
            (request({"role": "user", "content": 7}), "string or list"),
            (request(user(text("Hi", **MARK)), **MARK_1H), "another ttl"),
        ],
    )  # fmt: skip
    def test_have_a_message(self, body: dict[str, Any], message: str) -> None:
        with pytest.raises(ApiError, match=message):
            read_prompt(body)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def messages_api(clock: ManualClock) -> Iterator[Simulator]:
    with Simulator(SimConfig(prefill_seconds_per_1k_tokens=0), clock=clock) as simulator:
        yield simulator


@pytest.fixture
def client(messages_api: Simulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=messages_api.url, api_key="key", max_retries=2) as client:
        yield client


class TestApi:
    def test_a_message(self, client: anthropic.Anthropic, messages_api: Simulator) -> None:
        first, second = (client.messages.create(**HI) for _ in range(2))
        assert (first.type, first.role, first.model, first.stop_reason) == (
            "message",
            "assistant",
            MODEL,
            "end_turn",
        )
        assert first.usage.cache_creation_input_tokens == second.usage.cache_read_input_tokens == 1_000
        assert first.usage.input_tokens == second.usage.input_tokens == 1
        assert first.usage.cache_creation is not None
        assert first.usage.cache_creation.ephemeral_5m_input_tokens == 1_000
        recorded = messages_api.requests[1].cache
        assert recorded is not None
        assert (recorded.cached_tokens, recorded.write_tokens, recorded.uncached_tokens) == (1_000, 0, 1)

    async def test_a_stream_says_at_its_start_what_was_cached(self, messages_api: Simulator) -> None:
        async with anthropic.AsyncAnthropic(base_url=messages_api.url, api_key="key") as client:
            events = [event async for event in await client.messages.create(**HI, stream=True)]
        kinds = [event.type for event in events]
        assert [kind for kind in dict.fromkeys(kinds) if kind != "ping"] == [
            "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
            "message_stop",
        ]  # fmt: skip
        assert events[0].message.usage.cache_creation_input_tokens == 1_000
        assert events[-2].usage.output_tokens == 16

    def test_the_manager_of_streams_gives_the_same_message(self, client: anthropic.Anthropic) -> None:
        with client.messages.stream(**HI) as stream:
            streamed = stream.get_final_message()
        assert len(streamed.content) == 1
        assert streamed.usage.cache_creation_input_tokens == 1_000

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_tool_is_called_if_it_has_to_be(self, stream: bool, client: anthropic.Anthropic) -> None:
        forced = {**HI, "tools": [TOOL], "tool_choice": {"type": "tool", "name": "search"}}
        if stream:
            with client.messages.stream(**forced) as events:
                message = events.get_final_message()
        else:
            message = client.messages.create(**forced)
        (call,) = message.content
        assert (message.stop_reason, call.type, call.name, call.input) == (
            "tool_use",
            "tool_use",
            "search",
            {"query": "text"},
        )

    def test_no_output_warms_the_cache(self, client: anthropic.Anthropic) -> None:
        warm = client.messages.create(**{**HI, "max_tokens": 0})
        assert (warm.content, warm.stop_reason) == ([], "max_tokens")
        assert client.messages.create(**HI).usage.cache_read_input_tokens == 1_000

    def test_tokens_are_counted(self, client: anthropic.Anthropic) -> None:
        counted = client.messages.count_tokens(model=MODEL, system=HI["system"], messages=HI["messages"])
        assert counted.input_tokens == 1_001

    def test_a_key_is_needed_and_separates_caches(
        self, client: anthropic.Anthropic, messages_api: Simulator
    ) -> None:
        client.messages.create(**HI)
        other = client.with_options(api_key="other")
        assert other.messages.create(**HI).usage.cache_read_input_tokens == 0
        sent = urllib.request.Request(f"{messages_api.url}/v1/messages", data=json.dumps(HI).encode())  # noqa: S310
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(sent)  # noqa: S310
        with caught.value as answer:
            assert (answer.code, json.load(answer)["error"]["type"]) == (401, "authentication_error")

    def test_an_error_has_its_kind(self, client: anthropic.Anthropic) -> None:
        with pytest.raises(anthropic.BadRequestError, match="Found 5") as caught:
            client.messages.create(**request(*[user(text("Hi", **MARK))] * 4))
        assert caught.value.body["error"]["type"] == "invalid_request_error"
        for members in ({"model": ""}, {"max_tokens": -1}):
            with pytest.raises(anthropic.BadRequestError):
                client.messages.create(**{**HI, **members})

    def test_faults_strike_as_in_the_other_apis(
        self, client: anthropic.Anthropic, messages_api: Simulator
    ) -> None:
        messages_api.inject("rate_limit_once")
        assert client.messages.create(**HI).type == "message"
        messages_api.inject("failed")
        with pytest.raises(anthropic.InternalServerError):
            client.with_options(max_retries=0).messages.create(**HI)
        for fault in ("failed", "error_event"):
            messages_api.inject(fault)
            with pytest.raises(anthropic.APIStatusError):
                list(client.messages.create(**HI, stream=True))
        messages_api.inject("miss")
        assert client.messages.create(**HI).usage.cache_read_input_tokens == 0

    def test_entries_can_be_evicted_and_forgotten(
        self, client: anthropic.Anthropic, messages_api: Simulator
    ) -> None:
        client.messages.create(**HI)
        assert messages_api.evict() == 1
        client.messages.create(**HI)
        messages_api.inject("evict")
        assert client.messages.create(**HI).usage.cache_read_input_tokens == 0
        messages_api.reset()
        assert client.messages.create(**HI).usage.cache_read_input_tokens == 0

    def test_the_clock_is_that_of_the_simulator(
        self, client: anthropic.Anthropic, clock: ManualClock
    ) -> None:
        client.messages.create(**HI)
        clock.advance(301)
        assert client.messages.create(**HI).usage.cache_read_input_tokens == 0


class TestDiagnostics:
    def ask(self, client: anthropic.Anthropic, previous: str | None, **members: Any) -> Any:
        body = {
            **request(user(text("Hi"))),
            **members,
            "extra_body": {"diagnostics": {"previous_message_id": previous}},
        }
        return client.messages.create(**body)

    def kind(self, message: Any) -> str | None:
        said = message.model_dump()["diagnostics"]
        return said and said["cache_miss_reason"]["type"]

    def test_the_first_turn_says_nothing(self, client: anthropic.Anthropic) -> None:
        assert self.kind(self.ask(client, None)) is None

    @pytest.mark.parametrize(
        ("members", "kind"),
        [
            ({}, None),
            (
                {
                    "messages": [
                        user(text("Hi")),
                        {"role": "assistant", "content": "Yes."},
                        user(text("And?")),
                    ]
                },
                None,
            ),
            ({"model": "claude-sonnet-5"}, "model_changed"),
            ({"tools": [TOOL]}, "tools_changed"),
            ({"system": "Other rules."}, "system_changed"),
            ({"messages": [user(text("Yo"))]}, "messages_changed"),
            ({"thinking": {"type": "disabled"}}, "unavailable"),
        ],
    )
    def test_the_earliest_difference(
        self, members: dict[str, Any], kind: str | None, client: anthropic.Anthropic
    ) -> None:
        first = self.ask(client, None)
        assert self.kind(self.ask(client, first.id, **members)) == kind

    def test_only_what_asked_is_known(self, client: anthropic.Anthropic) -> None:
        silent = client.messages.create(**HI)
        assert "diagnostics" not in silent.model_dump(exclude_unset=True)
        assert self.kind(self.ask(client, silent.id)) == "previous_message_not_found"

    def test_and_only_for_a_while_and_on_one_account(
        self, client: anthropic.Anthropic, clock: ManualClock
    ) -> None:
        first = self.ask(client, None)
        assert (
            self.kind(self.ask(client.with_options(api_key="other"), first.id))
            == "previous_message_not_found"
        )
        clock.advance(25 * 3_600)
        assert self.kind(self.ask(client, first.id)) == "previous_message_not_found"
