"""Whatever the environment contains, the application starts, and one line says what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import otel_promptcache
from tests.conftest import Telemetry

TIMEOUT_SECONDS = 60
START = "import otel_promptcache; otel_promptcache.instrument(); print('started')"

LONG_CONTEXT = '{"m": ' + '{"input": 1, "long_context": ' * 500 + '{"input": 1}' + "}" * 501

CONTENTS = {
    "deep.json": "[" * 100_000,
    "deep.toml": "a = " + "[" * 100_000,
    "tables.toml": "a = " + "{a = " * 100_000,
    "keys.toml": "a." * 100_000 + "a = 1",
    "steps.json": LONG_CONTEXT,
    "number.json": '{"m": {"input": %s}}' % ("9" * 5000),
    "number.toml": "[m]\ninput = " + "9" * 4000,
    "nan.json": '{"m": {"input": NaN}}',
    "infinity.toml": "[m]\ninput = inf",
    "dear.json": '{"m": {"input": 1e10}}',
    "half.json": r'{"\ud800": {"input": -1}}',
    "text.json": '"%s"' % ("x" * 1_000_000),
    "key.json": '{"m": {"%s": 1}}' % ("x" * 1_000_000),
    "huge.json": " " * (17 << 20),
    "line\nfeed\x1b.json": "{",
}


def start(setting: str, value: str | bytes) -> str:
    """Start an application with one setting, and return its log."""
    environment = {**os.environb, f"OTEL_PYTHON_PROMPTCACHE_{setting}".encode(): os.fsencode(value)}
    done = subprocess.run(
        [sys.executable, "-c", START],
        env=environment,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"started\n"), done.stderr
    return done.stderr.decode("utf-8")


def assert_one_line(logged: str) -> None:
    assert logged.endswith("\n")
    assert logged[:-1].isprintable()
    assert len(logged) < 1200


@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_of_prices_that_is_none_is_left_out(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(CONTENTS[name], encoding="utf-8")
    logged = start("PRICES", str(tmp_path / name))
    assert_one_line(logged)
    assert logged.endswith("; the setting prices is ignored\n")


@pytest.mark.skipif(os.name == "nt", reason="needs pipes and devices")
@pytest.mark.parametrize("kind", ["folder", "pipe", "endless", "loop", "missing", "no UTF-8", "no name"])
def test_a_path_of_prices_that_is_no_file_is_left_out(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind in ("endless", "loop"):
        path.symlink_to("/dev/zero" if kind == "endless" else path)
    elif kind == "no UTF-8":
        path.write_bytes(b"\xff\xfe{}")
    assert_one_line(
        start("PRICES", b"/\xff\x1b\n" + b"x" * 5000 + b".json" if kind == "no name" else str(path))
    )


@pytest.mark.parametrize("name", ["prices.json", "prices.toml"])
def test_a_mark_of_the_byte_order_is_no_fault(name: str, tmp_path: Path) -> None:
    if name.endswith("toml") and sys.version_info < (3, 11):
        name = "prices.json"
    text = '{"m": {"input": 1}}' if name.endswith("json") else "[m]\ninput = 1"
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    assert start("PRICES", str(tmp_path / name)) == ""


@pytest.mark.parametrize(
    "value",
    ["[" * 100_000, '{"*": {"lifetime_seconds": NaN}}', '{"*": {"lifetime_seconds": Infinity}}',
     '{"*": {"step_tokens": 1%s}}' % ("0" * 400), '{"*": {"max_requests_per_minute": 1e10}}', '{"*": {"step_tokens": %s}}' % ("9" * 5000),
     r'{"\ud800": {"\ud800\n": 1}}', '{"*": {"minimum_tokens": %s}}' % ("[" * 50 + "]" * 50), b"\xff"],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_policies_that_are_none_are_left_out(value: str | bytes) -> None:
    assert_one_line(start("POLICIES", value))


def test_a_key_that_is_no_utf8_is_a_key() -> None:
    assert start("FINGERPRINT_KEY", b"\xff\xfe") == ""


def test_exponential_histograms_without_an_sdk_that_could_keep_them_are_explained() -> None:
    logged = start("HISTOGRAMS", "exponential")
    assert_one_line(logged)
    assert "; using explicit buckets" in logged
    assert start("HISTOGRAMS", "off") == ""


def test_a_wrong_setting_is_refused_in_a_process_that_is_observed_already(telemetry: Telemetry) -> None:
    telemetry.instrument()
    with pytest.raises(ValueError, match="nonsense is not a setting"):
        otel_promptcache.instrument(nonsense=1)
    otel_promptcache.instrument(tracer_provider=telemetry.tracer_provider)
