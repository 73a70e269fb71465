from __future__ import annotations

import pytest

from otel_promptcache.telemetry.metrics.series import series_of

MODEL = (
    ("gen_ai.provider.name", "openai"),
    ("gen_ai.request.model", "gpt-4o"),
    ("openai.api.type", "responses"),
    ("openai.response.service_tier", "flex"),
)
PREFIX = (("promptcache.prefix.fingerprint", "0f"), ("promptcache.prefix.name", "support"))
EVERYTHING = ("chat", "openai", "gpt-4o", "responses", "flex", "0f", "support")


def test_all_attribute_sets_of_a_call() -> None:
    series = series_of(*EVERYTHING)
    assert (series.model_labels, series.prefix_labels, series.labels) == (MODEL, PREFIX, MODEL + PREFIX)
    by_state = (series.read_labels, series.uncached_labels, series.write_labels)
    assert [dict(labels)["promptcache.token.state"] for labels in by_state] == ["read", "uncached", "write"]
    assert {labels[:-1] for labels in by_state} == {MODEL + PREFIX}
    assert series.inference_labels == (("gen_ai.operation.name", "chat"), *MODEL)


def test_what_is_not_said_is_left_out() -> None:
    series = series_of("chat", "openai", None, None, None, None, None)
    assert series.model_labels == series.labels == (("gen_ai.provider.name", "openai"),)
    assert series.prefix_labels == ()


@pytest.mark.parametrize("changed", range(len(EVERYTHING)))
def test_each_part_makes_a_series_of_its_own(changed: int) -> None:
    other = ["another" if index == changed else value for index, value in enumerate(EVERYTHING)]
    assert series_of(*other) != series_of(*EVERYTHING)
    assert series_of(*EVERYTHING) is series_of(*EVERYTHING)


def test_series_are_forgotten_where_there_are_very_many() -> None:
    for number in range(3_000):
        series_of("chat", "openai", f"model-{number}", None, None, None, None)
    information = series_of.cache_info()
    assert information.currsize == information.maxsize == 1_024
