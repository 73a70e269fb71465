"""One SDK is enough: which ones are instrumented, whatever else is installed or broken."""

from __future__ import annotations

import logging
import sys
from typing import Any

import anthropic
import openai
import pytest

from otel_promptcache import PromptCacheInstrumentor
from otel_promptcache.sdk.sdks import SDKS
from tests.conftest import Telemetry

HOOKED = {"openai": openai._base_client.BaseClient, "anthropic": anthropic._base_client.BaseClient}


def hooked() -> list[str]:
    return [
        name for name, owner in HOOKED.items() if hasattr(vars(owner)["_build_request"], "_otel_promptcache")
    ]


def test_both_are_hooked_and_released(telemetry: Telemetry) -> None:
    telemetry.instrument()
    assert hooked() == ["openai", "anthropic"]
    PromptCacheInstrumentor().uninstrument()
    assert hooked() == []


@pytest.mark.parametrize("missing", ["openai", "anthropic"])
def test_one_of_them_is_enough(missing: str, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    telemetry.instrument()
    assert hooked() == [name for name in HOOKED if name != missing]


def test_one_that_cannot_be_imported_does_not_stop_the_other(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    imported = sys.modules["importlib"].import_module

    def import_module(name: str, package: str | None = None) -> Any:
        if name == "anthropic":
            raise TypeError("SECRET")
        return imported(name, package)

    monkeypatch.setattr("importlib.import_module", import_module)
    with caplog.at_level(logging.WARNING):
        telemetry.instrument()
    assert hooked() == ["openai"]
    assert caplog.messages == ["anthropic cannot be imported (TypeError), so it is not instrumented"]


def test_one_of_another_version_is_left_alone(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unsupported = SDKS[1]._replace(requirement="anthropic >= 99")
    monkeypatch.setattr("otel_promptcache.instrumentor.SDKS", (SDKS[0], unsupported))
    with caplog.at_level(logging.WARNING):
        telemetry.instrument()
    assert hooked() == ["openai"]
    (said,) = caplog.messages
    assert said.endswith(" is not supported, so it is not instrumented; supported: anthropic >= 99")


def test_the_dependencies_are_those_of_the_sdks_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    instrumentor, module = PromptCacheInstrumentor(), "otel_promptcache.instrumentor.get_dependency_conflicts"
    monkeypatch.setattr(module, lambda _: None)
    assert list(instrumentor.instrumentation_dependencies()) == [sdk.requirement for sdk in SDKS]
    monkeypatch.setattr(module, lambda needed: None if "anthropic" in needed[0] else "conflict")
    assert list(instrumentor.instrumentation_dependencies()) == ["anthropic >= 0.49, < 3"]
    monkeypatch.setattr(module, lambda _: "conflict")
    assert list(instrumentor.instrumentation_dependencies()) == [sdk.requirement for sdk in SDKS]
