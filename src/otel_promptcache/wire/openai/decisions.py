"""`POST /decisions`: questions about an input, answered in one response."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from otel_promptcache.core.prompt.segments import Block, Role, SegmentKind
from otel_promptcache.wire.blocks import text_block
from otel_promptcache.wire.format import Json, sequence
from otel_promptcache.wire.openai.responses import COMPACT


def _blocks(request: Json) -> Iterator[Block]:
    """The prompt as in a response, followed by the questions.

    This render order is an assumption: other questions about the same input can reuse its cache.
    """
    yield from COMPACT.blocks(request)
    for index, question in enumerate(sequence(request.get("questions"))):
        yield text_block(SegmentKind.ITEM, f"questions[{index}]", question, Role.USER)


DECISIONS = replace(COMPACT, api_type=None, blocks=_blocks, has_list_price=False)
"""Billed at its own rates, which no price list has.

Source: openai 3.57.0, `resources/decisions.py` and `types/decision.py` (checked 2026-11-25)."""
