from __future__ import annotations

from typing import Any

import pytest

from otel_promptcache.sim.cache.boundaries import CachingOptions
from otel_promptcache.sim.cache.caching_fields import CachingFields, Surface, read_caching_fields, read_marker
from otel_promptcache.sim.cache.models import policy_for
from otel_promptcache.sim.cache.prompt import Marker
from otel_promptcache.sim.http.errors import ApiError

NEW, MIDDLE, OLD = "gpt-6-sol", "gpt-5.5", "gpt-4o"


def read(
    body: dict[str, Any], surface: Surface = "responses", model: str = NEW, **flags: bool
) -> CachingFields:
    return read_caching_fields(body, surface, model, policy_for(model), **flags)


def refusal(
    body: dict[str, Any], surface: Surface = "responses", model: str = NEW, **flags: bool
) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read(body, surface, model, **flags)
    assert caught.value.status_code == 400
    return caught.value


def test_nothing_said_means_the_defaults() -> None:
    assert read({}) == CachingFields(None, CachingOptions("implicit", "30m", None))


def test_everything_said() -> None:
    options = {"mode": "explicit", "ttl": "12h", "comparison_response_id": "resp_1", "prewarm": True}
    body = {"prompt_cache_key": "k", "prompt_cache_options": options, "prompt_cache_retention": "24h"}
    assert read(body) == CachingFields("k", CachingOptions("explicit", "12h", "24h"), "resp_1", prewarm=True)


def test_nulls_are_as_good_as_nothing() -> None:
    body = {"prompt_cache_key": None, "prompt_cache_options": None, "prompt_cache_retention": None}
    assert read(body, model=OLD) == read({}, model=OLD)
    assert read({"prompt_cache_options": {"comparison_response_id": None}}) == read({})


@pytest.mark.parametrize("model", [OLD, MIDDLE, "gpt-4", "some-model"])
def test_options_are_refused_on_older_models(model: str) -> None:
    error = refusal({"prompt_cache_options": {"mode": "implicit"}}, model=model)
    assert (error.param, error.code) == ("prompt_cache_options", "unsupported_parameter")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt_cache_options": {"mode": "auto"}}, "prompt_cache_options.mode"),
        ({"prompt_cache_options": {"mode": ["explicit"]}}, "prompt_cache_options.mode"),
        ({"prompt_cache_options": {"ttl": "24h"}}, "prompt_cache_options.ttl"),
        ({"prompt_cache_options": {"ttl": 30}}, "prompt_cache_options.ttl"),
        ({"prompt_cache_options": {"breakpoints": 3}}, "prompt_cache_options.breakpoints"),
        ({"prompt_cache_options": {"prewarm": 1}}, "prompt_cache_options.prewarm"),
        (
            {"prompt_cache_options": {"comparison_response_id": 1}},
            "prompt_cache_options.comparison_response_id",
        ),
        ({"prompt_cache_options": "explicit"}, "prompt_cache_options"),
        ({"prompt_cache_key": 7}, "prompt_cache_key"),
        ({"prompt_cache_retention": "7d"}, "prompt_cache_retention"),
        ({"prompt_cache_ttl": "30m"}, "prompt_cache_ttl"),
    ],
)
def test_what_does_not_exist_is_refused(body: dict[str, Any], param: str) -> None:
    assert refusal(body).param == param


@pytest.mark.parametrize(
    ("surface", "options"),
    [
        ("chat", {"ttl": "12h"}),
        ("chat", {"prewarm": True}),
        ("chat", {"comparison_response_id": "resp_1"}),
        ("compact", {"ttl": "12h"}),
        ("decisions", {"prewarm": True}),
    ],
)
def test_each_endpoint_has_its_own_options(surface: Surface, options: dict[str, Any]) -> None:
    assert (
        refusal({"prompt_cache_options": options}, surface).param
        == f"prompt_cache_options.{next(iter(options))}"
    )


def test_legacy_completions_and_decisions_lack_fields() -> None:
    assert refusal({"prompt_cache_key": "k"}, "completions", "gpt-4").code == "unknown_parameter"
    assert refusal({"prompt_cache_retention": "24h"}, "decisions").code == "unknown_parameter"


@pytest.mark.parametrize(("model", "allowed"), [(OLD, True), (MIDDLE, False), (NEW, False)])
def test_in_memory_is_for_models_before_5_5(model: str, allowed: bool) -> None:
    body = {"prompt_cache_retention": "in_memory"}
    if allowed:
        assert read(body, model=model).options.retention == "in_memory"
    else:
        assert refusal(body, model=model).code == "unsupported_value"
    assert read({"prompt_cache_retention": "24h"}, model=model).options.retention == "24h"


def test_ttl_together_with_retention_is_refused_where_configured() -> None:
    body = {"prompt_cache_options": {"ttl": "30m"}, "prompt_cache_retention": "24h"}
    assert read(body).options.retention == "24h"
    assert refusal(body, reject_ttl_with_retention=True).param == "prompt_cache_retention"


def marker(part: dict[str, Any], model: str = NEW, *, supported: bool = True) -> Marker | None:
    return read_marker(part, "input[0].content[1]", model, policy_for(model), supported=supported)


def test_markers() -> None:
    assert marker({"type": "input_text"}) is None
    assert marker({"prompt_cache_breakpoint": None}, OLD) is None
    assert marker({"prompt_cache_breakpoint": {"mode": "explicit"}}) == Marker(None)
    assert marker({"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}) == Marker("12h")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"mode": "implicit"}, ".mode"),
        ({}, ".mode"),
        ({"mode": "explicit", "ttl": "5m"}, ".ttl"),
        ({"mode": "explicit", "size": 5}, ".size"),
        (True, ""),
    ],
)
def test_malformed_markers_are_refused(value: Any, field: str) -> None:
    with pytest.raises(ApiError) as caught:
        marker({"prompt_cache_breakpoint": value})
    assert caught.value.param == f"input[0].content[1].prompt_cache_breakpoint{field}"


@pytest.mark.parametrize(("model", "supported"), [(OLD, True), (MIDDLE, True), (NEW, False)])
def test_markers_are_refused_on_older_models_and_unsupported_blocks(model: str, supported: bool) -> None:
    with pytest.raises(ApiError) as caught:
        marker(
            {"type": "refusal", "prompt_cache_breakpoint": {"mode": "explicit"}}, model, supported=supported
        )
    assert caught.value.param == "input[0].content[1].prompt_cache_breakpoint"
