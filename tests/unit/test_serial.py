"""Large values are hashed, measured and cut to their head without a second copy of them as JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.core.prompt import serial as serial_module
from otel_promptcache.core.prompt.serial import (
    canonical_json,
    json_head,
    json_size_bytes,
    serial,
    size_bytes_of,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
)


@given(JSON, st.integers(1, 50))
def test_the_head_of_a_large_value_is_that_of_its_json(value: object, chars: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serial_module, "LARGE_BYTES", 0)
        assert json_head(value, chars) == canonical_json(value)[:chars]


def test_a_large_value_is_measured_by_its_serialised_form() -> None:
    large = ["x"] * serial_module.LARGE_BYTES
    assert json_size_bytes(large, serial(large)) == len(serial(large))
    small = {"é": "\ud800"}
    assert json_size_bytes(small, serial(small)) == len('{"":""}') + 2 + 3


@given(st.text(max_size=40))
def test_a_text_is_as_long_as_its_blocks(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serial_module, "_BLOCK_CHARS", 7)
        assert size_bytes_of(text) == len(text.encode("utf-8", "surrogatepass"))


def test_what_follows_the_head_of_a_large_value_is_not_read() -> None:
    value = [json.loads("[1]") for _ in range(serial_module.LARGE_BYTES // 5)]
    assert json_head(value, 8) == "[[1],[1]"
