from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import pytest

from otel_promptcache.config import Config, describe_settings


def test_argument_beats_environment_beats_default() -> None:
    environ = {"OTEL_PYTHON_PROMPTCACHE_SEMCONV": "latest", "OTEL_PYTHON_PROMPTCACHE_STREAM_USAGE": "True"}
    assert Config.resolve({}, {}) == Config()
    assert Config.resolve({}, environ).semconv == "latest"
    assert Config.resolve({}, environ).stream_usage is True
    assert Config.resolve({"semconv": "off", "stream_usage": None}, environ) == Config(
        semconv="off", stream_usage=True
    )


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        ("STREAM_USAGE", "1", True),
        ("STREAM_USAGE", " false ", False),
        ("PRICES", "prices.json", "prices.json"),
        ("FINGERPRINT_KEY", "s3cret", "s3cret"),
        ("MAX_FINGERPRINTS", "7", 7),
        ("STRICT", "true", True),
        ("PATH_NAMES", "true", True),
        ("FLEET", "redis://h", "redis://h"),
        ("FLEET_KEY", "s3cret", "s3cret"),
        ("FLEET_NAMESPACE", "shop", "shop"),
        ("SEMCONV", "", "released"),
    ],
)
def test_environment(setting: str, text: str, value: object) -> None:
    config = Config.resolve({}, {f"OTEL_PYTHON_PROMPTCACHE_{setting}": text})
    assert getattr(config, setting.lower()) == value


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"semconv": "newest"}, 'semconv is \'newest\': expected "released" or "latest" or "off"'),
        ({"histograms": "on"}, 'histograms is \'on\': expected "buckets" or "exponential" or "off"'),
        ({"stream_usage": "yes"}, "stream_usage is 'yes': expected true or false"),
        ({"max_fingerprints": 0}, "max_fingerprints is 0: expected an integer from 1 to 400"),
        ({"max_fingerprints": True}, "max_fingerprints is True: expected"),
        ({"prices": 3}, "prices is 3: expected the path of a .json or .toml file, or a mapping"),
        ({"prices": ""}, "prices is '': expected"),
        ({"max_fingerprints": 10**5000}, "max_fingerprints is an integer of 16,610 bits: expected"),
        ({"semconv": "x" * 10**6}, "semconv is 'xxx"),
        ({"fingerprint_key": b"k"}, "fingerprint_key is bytes: expected a non-empty string"),
        (
            {"fleet": b"redis://:pass@h"},
            'fleet is bytes: expected a URL that begins with "redis://", "rediss://"',
        ),
        ({"fleet_key": ""}, "fleet_key is str: expected a non-empty string"),
        (
            {"fleet_namespace": "a{b}"},
            "fleet_namespace is 'a{b}': expected 1 to 64 letters, digits or any of",
        ),
        (
            {"colour": "red"},
            "colour is not a setting; the settings are fingerprint_key, fleet, fleet_key, fleet_namespace, histograms, hosts, max_fin",
        ),
    ],
)
def test_a_bad_argument_raises_and_names_everything(bad: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=r"expected|settings are") as caught:
        Config.resolve(bad, {})
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("setting", "text", "shown"),
    [
        ("SEMCONV", "newest", "'newest'"),
        ("STREAM_USAGE", "maybe", "'maybe'"),
        ("MAX_FINGERPRINTS", "many", "'many'"),
        ("MAX_FINGERPRINTS", "401", "'401'"),
        ("REQUEST_DIAGNOSTICS", "nan", "'nan'"),
        ("REQUEST_DIAGNOSTICS", "1e999", "'1e999'"),
        ("SEMCONV", "\udcff\n\x1b", r"'\udcff\n\x1b'"),
        ("POLICIES", "\udcff", r"'\udcff'"),
    ],
)
def test_a_bad_variable_is_logged_and_replaced(
    setting: str, text: str, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    variable = f"OTEL_PYTHON_PROMPTCACHE_{setting}"
    with caplog.at_level(logging.WARNING):
        assert Config.resolve({}, {variable: text}) == Config()
    (message,) = caplog.messages
    assert message.startswith(f"{variable} is {shown}: expected ")
    assert "using the default" in message
    assert len(message) < 600
    assert message.isprintable()


def test_a_config_cannot_be_made_invalid() -> None:
    with pytest.raises(ValueError, match="semconv is 'x'"):
        Config(semconv="x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().semconv = "off"  # type: ignore[misc]


def test_prices_may_be_a_path_or_a_mapping() -> None:
    assert Config(prices=Path("p.json")).prices == Path("p.json")
    assert Config(prices={}).prices == {}


def test_every_setting_is_described() -> None:
    rows = describe_settings()
    assert [row[0] for row in rows] == [field.name for field in dataclasses.fields(Config)]
    assert all(all(cell for cell in row) for row in rows)
    assert rows[4][:3] == ("semconv", "OTEL_PYTHON_PROMPTCACHE_SEMCONV", "released")


def test_a_secret_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    Config.resolve(
        {}, {"OTEL_PYTHON_PROMPTCACHE_FINGERPRINT_KEY": "s3cret", "OTEL_PYTHON_PROMPTCACHE_SEMCONV": "x"}
    )
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("MAX_FINGERPRINTS", "9" * 5000),
        ("POLICIES", "[" * 100_000),
        ("POLICIES", '{"a":' * 100_000),
        ("POLICIES", '{"*": {"step_tokens": %s}}' % ("9" * 5000)),
    ],
)  # fmt: skip
def test_a_long_variable_is_shown_in_short(setting: str, text: str, caplog: pytest.LogCaptureFixture) -> None:
    assert Config.resolve({}, {f"OTEL_PYTHON_PROMPTCACHE_{setting}": text}) == Config()
    (message,) = caplog.messages
    assert f" is '{text[:50]}" in message
    assert len(message) < 600
