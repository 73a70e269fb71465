"""Entries of the price table with rates for audio, images or video: only their text is priced."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from otel_promptcache.core.money.pricing import LongContext, ModelPrice, cost, missed_savings_usd
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.prompt.chain import PromptHasher
from otel_promptcache.prices import Prices
from otel_promptcache.providers.profiles import PROFILES
from otel_promptcache.wire.format import WireFormat
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS
from otel_promptcache.wire.openai.responses import RESPONSES
from otel_promptcache.wire.openai.usage import read_usage
from tests.unit.price_tables import NOW, FakeTable, listed, needs_table, openai

if sys.version_info >= (3, 11):
    import genai_prices
    from genai_prices import data_snapshot

KINDS = ("audio", "image", "video")
TEXT = TokenUsage(input_tokens=100_000, cache_read_tokens=60_000, cache_write_tokens=10_000)


def listed_models() -> Iterator[tuple[str, str, str, dict[str, object]]]:
    """Every model of every price list that a profile names: provider, list, model, rates."""
    if sys.version_info < (3, 11):
        return
    tables = {each.id: each for each in data_snapshot.get_snapshot().providers}
    for profile in PROFILES:
        if profile.prices is not None:
            for info in tables[profile.prices.table_id].models:
                rates = {name: rate for name, rate in vars(info.get_prices(NOW)).items() if rate is not None}
                yield profile.name, profile.prices.table_id, info.id, rates


MULTIMODAL = [
    (provider, table_id, model)
    for provider, table_id, model, rates in listed_models()
    if {"input_mtok", "cache_read_mtok"} <= rates.keys()
    and any(kind in name for name in rates for kind in KINDS if not name.startswith("output_"))
    and provider != "openai"
]


@needs_table
class TestTheTable:
    def test_every_price_is_what_the_table_computes(self) -> None:
        prices, priced = Prices(), set[str]()
        for provider, table_id, model, _ in listed_models():
            price = prices.resolve(provider, model, None, NOW)
            if price is None:
                continue
            computed = genai_prices.calc_price(
                genai_prices.Usage(input_tokens=100_000, cache_read_tokens=60_000, cache_write_tokens=10_000),
                model,
                provider_id=table_id,
                genai_request_timestamp=NOW,
            )
            breakdown = cost(TEXT, price)
            assert breakdown is not None
            assert breakdown.input_cost_usd == pytest.approx(float(computed.input_price), rel=1e-9), model
            priced.add(provider)
        assert priced >= {
            "openai",
            "gcp.gemini",
            "gcp.vertex_ai",
            "mistral_ai",
            "z_ai",
            "minimax",
            "deepseek",
        }

    def test_there_are_some(self) -> None:
        assert {provider for provider, _, _ in MULTIMODAL} >= {"gcp.gemini", "gcp.vertex_ai", "mistral_ai"}

    @pytest.mark.parametrize(("provider", "table_id", "model"), MULTIMODAL)
    def test_their_text_is_priced_and_their_audio_is_not(
        self, provider: str, table_id: str, model: str
    ) -> None:
        price = Prices().resolve(provider, model, None, NOW)
        assert price is not None
        assert "audio" in price.billed_apart
        assert cost(replace(TEXT, modalities=frozenset({"audio"})), price) is None
        assert cost(replace(TEXT, modalities=frozenset({"image"})), price) is not None

    @pytest.mark.parametrize("provider", ["openai", "azure.ai.openai"])
    def test_openais_models_for_speech_and_images_are_not_priced(self, provider: str) -> None:
        apart = [
            model
            for name, _, model, rates in listed_models()
            if name == "openai"
            and any(kind in rate for rate in rates for kind in KINDS if not rate.startswith("output_"))
        ]
        assert apart
        assert [model for model in apart if Prices().resolve(provider, model, None, NOW) is not None] == []

    def test_an_entry_says_what_is_billed_apart(self) -> None:
        FakeTable(
            listed(input_mtok=1, input_audio_mtok=1, cache_image_read_mtok=1, output_video_mtok=3)
        ).install()
        try:
            assert openai("m") == ModelPrice(1, billed_apart=frozenset({"audio", "image"}))
        finally:
            data_snapshot.set_custom_snapshot(None)


def test_what_is_billed_apart_has_no_dollars_however_long_the_prompt_is() -> None:
    price = ModelPrice(
        1,
        0.1,
        long_context=LongContext(1_000, ModelPrice(2, 0.2)),
        billed_apart=frozenset({"audio", "video"}),
    )
    for kind, is_priced in (("audio", False), ("video", False), ("image", True)):
        for tokens in (500, 50_000):
            usage = TokenUsage(input_tokens=tokens, cache_read_tokens=100, modalities=frozenset({kind}))
            assert (cost(usage, price) is not None) is is_priced
            assert (missed_savings_usd(usage, price, 100) is not None) is is_priced


@pytest.mark.parametrize(
    ("details", "kinds"),
    [
        ({"audio_tokens": 7, "text_tokens": 2}, {"audio"}),
        ({"audio_tokens": 7, "image_tokens": 1.0, "video_tokens": 3}, {"audio", "image", "video"}),
        ({"audio_tokens": 0, "image_tokens": None}, set()),
        ({"audio_tokens": -1, "image_tokens": "7", "video_tokens": True}, set()),
        ({"audio_tokens": float("nan"), "cached_tokens": 1}, set()),
        ({}, set()),
        (None, set()),
    ],
)
def test_kinds_of_input_are_read(details: object, kinds: set[str]) -> None:
    for name in ("prompt", "input"):
        answer = {"usage": {f"{name}_tokens": 9, f"{name}_tokens_details": details}}
        usage = read_usage(answer, input_name=name, output_name="output")
        assert usage is not None
        assert usage.modalities == kinds


AUDIO = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
WORDS = {"type": "text", "text": "What is in it?"}


@pytest.mark.parametrize(
    ("wire", "request_body", "kinds"),
    [
        (CHAT_COMPLETIONS, {"messages": [{"role": "user", "content": "input_audio"}]}, set()),
        (CHAT_COMPLETIONS, {"messages": [{"role": "user", "content": [WORDS]}]}, set()),
        (CHAT_COMPLETIONS, {"messages": [{"role": "user", "content": [WORDS, AUDIO]}]}, {"audio"}),
        (CHAT_COMPLETIONS, {"messages": [{"role": "user", "name": "Ann", "content": [IMAGE, AUDIO]}]}, {"audio", "image"}),
        (CHAT_COMPLETIONS, {"messages": [{"role": "user", "content": [{"type": 7}, None, {"type": "video_url"}]}]}, {"video"}),
        (RESPONSES, {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}, {"image"}),
        (RESPONSES, {"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image"}]}]}, {"image"}),
    ],
)  # fmt: skip
def test_kinds_of_input_are_seen_in_the_request(
    wire: WireFormat, request_body: dict[str, Any], kinds: set[str]
) -> None:
    hasher = PromptHasher()
    for _ in range(2):  # the second time, from memory
        prompt, _segments = hasher.hash(lambda: wire.blocks(request_body))
        assert prompt.modalities == kinds
    later = {"messages": [*request_body.get("messages", ()), {"role": "user", "content": "And now?"}]}
    if wire is CHAT_COMPLETIONS:
        assert hasher.hash(lambda: wire.blocks(later))[0].modalities == kinds


def test_a_later_event_forgets_no_kind() -> None:
    heard, seen = (TokenUsage(input_tokens=9, modalities=frozenset({kind})) for kind in ("audio", "image"))
    assert heard.updated(seen).modalities == {"audio", "image"}
    assert heard.updated(TokenUsage()) is heard
