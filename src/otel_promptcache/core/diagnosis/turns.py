"""Which parts of a prompt, unknown to this process, another one may have sent."""

from __future__ import annotations

from collections.abc import Sequence

from otel_promptcache.core.prompt.chain import Link
from otel_promptcache.core.prompt.segments import Role


def after_answer(links: Sequence[Link], position: int) -> int:
    """Where a prompt continues after what the model says from a place on."""
    while position < len(links) and links[position].role is Role.ASSISTANT:
        position += 1
    return position


def shareable_links(links: Sequence[Link], known_links: int) -> int:
    """How many links another process may have sent, as far as this one knows.

    These are all but the last one, which is what this request asks. If the prompt only adds one answer and the reply
    to it, they are the known ones, as nobody can have sent the answer before.
    """
    goes_on = after_answer(links, known_links)
    is_next_turn = 0 < known_links < goes_on
    if is_next_turn and all(link.role is not Role.ASSISTANT for link in links[goes_on:]):
        return known_links
    return max(known_links, len(links) - 1)
