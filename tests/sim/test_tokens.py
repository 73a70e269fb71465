from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.sim.cache.tokens import (
    count_tokens,
    filler_text,
    opaque_tokens,
    prefix_digests,
    special_token,
    tokenize,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)


@given(ANY_TEXT)
def test_tokens_joined_give_the_text_back(text: str) -> None:
    assert "".join(tokenize(text)) == text


@given(ANY_TEXT, ANY_TEXT)
def test_appending_changes_no_token_but_the_last(text: str, more: str) -> None:
    before = tokenize(text)
    assert tokenize(text + more)[: max(0, len(before) - 1)] == before[:-1]


@given(st.integers(0, 3000), st.integers(0, 5))
def test_filler_has_exactly_the_tokens_asked_for(tokens: int, seed: int) -> None:
    text = filler_text(tokens, seed)
    assert count_tokens(text) == tokens
    assert text == filler_text(tokens, seed)


def test_filler_of_different_seeds_parts_early() -> None:
    texts = {filler_text(10, seed) for seed in range(50)}
    assert len(texts) == 50


def test_filler_refuses_negative_lengths() -> None:
    with pytest.raises(ValueError, match=r"tokens=-1.*>= 0"):
        filler_text(-1)


def test_prose_has_about_four_bytes_a_token() -> None:
    prose = (
        "Prompt caching fails silently: nothing errors, the bill and the time to first token just go up. "
        "Whenever an application changes the beginning of its prompt, everything behind it is processed again."
    )
    assert 3.2 < len(prose.encode()) / count_tokens(prose) < 4.8


def test_no_text_contains_a_control_token() -> None:
    assert special_token("start") not in tokenize("\0start start")


def test_opaque_content_is_told_apart_by_its_identity() -> None:
    assert opaque_tokens("a", 3) == opaque_tokens("a", 3)
    assert not set(opaque_tokens("a", 3)) & set(opaque_tokens("b", 3))
    assert len(opaque_tokens("a", 3)) == 3


@given(st.lists(ANY_TEXT.filter(bool), max_size=30), st.sets(st.integers(0, 40)))
def test_a_prefix_digest_does_not_depend_on_the_other_positions(
    tokens: list[str], positions: set[int]
) -> None:
    together = prefix_digests(tokens, positions)
    assert set(together) == {position for position in positions if position <= len(tokens)}
    for position, digest in together.items():
        assert prefix_digests(tokens[:position], [position])[position] == digest


def test_different_prefixes_have_different_digests() -> None:
    assert prefix_digests(["a", "b"], [2])[2] != prefix_digests(["ab"], [1])[1]
    assert prefix_digests(["a", "b"], [1])[1] != prefix_digests(["a", "b"], [2])[2]
