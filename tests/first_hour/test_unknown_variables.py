"""A misspelt setting in the environment is named, along with the right one."""

from __future__ import annotations

import pytest

from otel_promptcache import PromptCacheInstrumentor
from otel_promptcache.config import environment_variables
from otel_promptcache.unknown_variables import warn_of_unknown_variables
from tests.conftest import Telemetry

PREFIX = "OTEL_PYTHON_PROMPTCACHE_"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (f"{PREFIX}STREAM_USEAGE", "STREAM_USAGE"),
        (f"{PREFIX}STREAMUSAGE", "STREAM_USAGE"),
        (f"{PREFIX}MAX_FINGERPRINT", "MAX_FINGERPRINTS"),
        (f"{PREFIX}FLEETKEY", "FLEET_KEY"),
        (f"{PREFIX}semconv", "SEMCONV"),
        ("otel_python_promptcache_prices", "PRICES"),
        ("OTEL_PROMPTCACHE_PRICES", "PRICES"),
        ("OTEL_PYTHON_PROMPT_CACHE_HOST", "HOSTS"),
    ],
)
def test_the_nearest_setting_is_named(name: str, meant: str, caplog: pytest.LogCaptureFixture) -> None:
    warn_of_unknown_variables({name: "s3cret", f"{PREFIX}STRICT": "true"})
    assert caplog.messages == [f"{name} is not a setting and has no effect: did you mean {PREFIX}{meant}?"]


@pytest.mark.parametrize("name", [PREFIX, f"{PREFIX}XYZZY", f"{PREFIX}\x1b\ud800", f"{PREFIX}{'X' * 10**6}"])
def test_where_none_is_near_all_are_named(name: str, caplog: pytest.LogCaptureFixture) -> None:
    warn_of_unknown_variables({name: ""})
    (message,) = caplog.messages
    assert all(setting.removeprefix(PREFIX) in message for setting in environment_variables())
    assert message.isprintable()
    assert len(message) < 600


def test_what_is_a_setting_or_none_of_ours_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    others = ["OTEL_PROMPTCACHE_RUN_DIRECTORY", "OTEL_PYTHON_LOG_LEVEL", "PROMPTCACHE", "PATH"]
    warn_of_unknown_variables(dict.fromkeys([*environment_variables(), *others], "x"))
    assert caplog.messages == []


def test_of_many_a_few_are_named(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_unknown_variables({f"{PREFIX}{number}": "" for number in range(1_000)})
    assert len(caplog.messages) == 11
    assert caplog.messages[-1] == "990 more variables like this are not settings either"


def test_it_is_said_once_a_process(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(f"{PREFIX}SEMCON", "off")
    instrumentor = PromptCacheInstrumentor()
    monkeypatch.setattr(instrumentor, "_knows_variables", False)
    for _ in range(2):
        telemetry.instrument()
        instrumentor.uninstrument()
    assert [message for message in caplog.messages if "SEMCON " in message] == caplog.messages
    assert len(caplog.messages) == 1
