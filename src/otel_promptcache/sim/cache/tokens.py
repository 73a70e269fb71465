"""The simulator's own tokenizer: deterministic, no download, about four bytes per token.

It splits text the way byte-pair pre-tokenisers do, so that the counts have a realistic size: words of up to
seven letters with their leading space, up to three digits, up to two other characters, up to four whitespace
characters. It is not any vendor's tokenizer; counts differ from the real ones by about ten percent.

A token is represented by its own text. Tokens joined together give the text back, and appending to a text can
change no token but the last.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable, Sequence

_TOKEN = re.compile(r" ?[A-Za-z]{1,7}| ?[0-9]{1,3}| ?[^\sA-Za-z0-9]{1,2}|\s{1,4}")

_WORDS = (
    *("able", "above", "answer", "before", "begin", "better", "body", "book", "bridge", "brief", "call"),
    *("carry", "cause", "center", "change", "clear", "close", "common", "count", "cover", "credit", "cross"),
    *("data", "depend", "detail", "early", "edge", "equal", "event", "exact", "expect", "family", "field"),
    *("final", "first", "follow", "format", "front", "given", "group", "guide", "hold", "house", "ideal"),
    *("image", "input", "issue", "known", "label", "large", "later", "level", "limit", "list", "local"),
    *("match", "matter", "measure", "middle", "model", "moment", "month", "narrow", "nature", "never"),
    *("notice", "number", "object", "offer", "order", "other", "output", "paper", "part", "period", "place"),
    *("point", "policy", "prefix", "prompt", "proof", "public", "query", "quick", "range", "reason"),
    *("record", "report", "result", "return", "review", "right", "round", "scope", "second", "series"),
    *("short", "signal", "simple", "single", "small", "source", "stable", "state", "story", "stream"),
    *("study", "sum", "table", "target", "tenant", "term", "test", "thing", "title", "token", "total"),
    *("trace", "trust", "under", "unit", "until", "usage", "value", "view", "weight", "whole", "write"),
)


def tokenize(text: str) -> list[str]:
    """Split text into tokens; joining them gives the text back.

    Args:
        text: Any string, lone surrogates included.

    Returns:
        The tokens in order; empty for empty text.
    """
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """Return how many tokens `tokenize` makes of the text."""
    return len(tokenize(text))


def filler_text(tokens: int, seed: int | str = 0) -> str:
    """Return readable text of exactly that many tokens, the same for the same seed.

    Args:
        tokens: How many tokens the text has; 0 gives the empty string.
        seed: Different seeds give texts that diverge within the first few words.

    Raises:
        ValueError: `tokens` is negative.
    """
    if tokens < 0:
        raise ValueError(f"filler_text(tokens={tokens}): must be >= 0")
    words = random.Random(str(seed))  # noqa: S311  # filler, not a secret
    return " ".join(words.choices(_WORDS, k=tokens))


def opaque_tokens(content: str, tokens: int) -> list[str]:
    """Return tokens that represent content other than text, such as an image: equal for equal content.

    Args:
        content: What identifies the content: a URL, a file id, encoded data.
        tokens: How many tokens it takes.
    """
    digest = hashlib.blake2b(_encode(content), digest_size=8).hexdigest()
    return [f"\0{digest}:{index}" for index in range(tokens)]


def special_token(name: str) -> str:
    """Return the control token of that name; no text contains it."""
    return f"\0{name}"


def prefix_digests(tokens: Sequence[str], positions: Iterable[int]) -> dict[int, bytes]:
    """Hash the prefixes of a token stream in one pass over it.

    Args:
        tokens: The stream.
        positions: Prefix lengths in tokens, in any order. Those beyond the stream are left out.

    Returns:
        For each position the digest of `tokens[:position]`, which depends on nothing else.
    """
    hasher = hashlib.blake2b(digest_size=16)
    digests: dict[int, bytes] = {}
    done_tokens = 0
    for position in sorted(set(positions)):
        if position > len(tokens):
            break
        # A terminator per token keeps the digest independent of which other positions were asked for.
        hasher.update(_encode("\x1f".join((*tokens[done_tokens:position], ""))))
        digests[position] = hasher.digest()
        done_tokens = position
    return digests


def _encode(text: str) -> bytes:
    # JSON may carry lone surrogates, which plain UTF-8 rejects.
    return text.encode("utf-8", "surrogatepass")
