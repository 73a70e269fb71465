"""The promises of `core.masking`: exactly what the patterns match is masked, however it is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.core.prompt import masking
from otel_promptcache.core.prompt.fingerprint import IDENTITY_CHARS
from otel_promptcache.core.prompt.masking import is_plain, mask_volatile, masked_head


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("It is 2026-11-20T11:46:27Z. You are", "It is #. You are"),
        ("Today is Friday, November 20, 2026. You", "Today is #. You"),
        ("now: 20 Nov 2026 11:46 PM, go", "now: #, go"),
        ("trace 8f14e45f-ceea-467f-a9d3-1f2b3c4d5e6f end", "trace # end"),
        ("you may ask on Monday", "you may ask on Monday"),
        ("ids: 1, 22, 333 and 4", "ids: # and #"),
        ("今天是2026年11月20日，你是助手", "今天是#年#月#日，你是助手"),
        ("token AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh end", "token # end"),
        ("", ""),
    ],
)
def test_what_counts_as_volatile(text: str, masked: str) -> None:
    assert mask_volatile(text) == masked


# Fragments that matter: words, ASCII and other digits, long words, marks, names of days and months, and separators.
_FRAGMENTS = (
    "word |x|7| 12|2026-11-20T11:46Z |\u0663|\u00b2|#|(|_%+-@|, |.|\n|May |mon|jan, |september|Wednesday. |day|PM"
    "|\u017fun |é|天|\ud800|\xa0|\x1c"
)
fragments = st.sampled_from([*_FRAGMENTS.split("|"), "x" * 31])
texts = st.lists(fragments, max_size=40).map("".join)


@given(texts, st.sampled_from(["", "word " * 100]))
def test_masking_is_what_the_patterns_say_however_rare_the_literals(text: str, plain: str) -> None:
    text += plain
    words_masked = masking._VOLATILE_WORD.sub("#", text)
    assert mask_volatile(text) == masking._VOLATILE_RUN.sub("#", words_masked)


@given(st.lists(texts, max_size=4))
def test_parts_of_a_plain_text_are_plain(parts: list[str]) -> None:
    assert all(map(is_plain, parts)) or not is_plain("".join(parts))


@given(texts)
def test_what_is_plain_is_left_as_it_is(text: str) -> None:
    assert mask_volatile(text) == text or not is_plain(text)


@given(
    st.lists(
        st.sampled_from(
            [
                "word ",
                "a",
                " 12",
                "May ",
                "jan, ",
                "#",
                ", ",
                " " * 90,
                "|" * 300,
                "x" * 40,
                "é",
                "-",
                "12:30 am ",
            ]
        ),
        max_size=400,
    ).map("".join)
)
def test_the_beginning_is_masked_as_it_is_in_the_whole(text: str) -> None:
    for chars in (100, IDENTITY_CHARS):
        assert masked_head(text, chars) == mask_volatile(text)[:chars]


@pytest.mark.parametrize(
    "unit", ["a", "may ", "1", "#", "a-", "#,", "mon, ", "天", "may#", "may and june 1 ", "x" * 31 + " "]
)
def test_masking_takes_linear_time_whatever_the_text(unit: str) -> None:
    # Not timed: a quadratic pattern would need minutes and hit the time limit of the whole run.
    mask_volatile(unit * 200_000)
