"""Workloads of distinct calls, to see how much is remembered of them."""

from __future__ import annotations

import functools
from typing import Any

from benchmarks import answers, prompts
from benchmarks.workloads import Workload, chat_arguments


def distinct_chats(templates: int) -> Workload:
    """A new template in each of that many calls, then the same templates again."""
    return Workload(
        name=f"chats of {templates} templates",
        answer=answers.chat_answer(),
        arguments=lambda index: chat_arguments(
            prompts.distinct_instructions(index % templates), prompts.words(20)
        ),
        sample_calls=25,
    )


def conversations(turns: int) -> Workload:
    """Consecutive conversations, each of that many turns and with different content."""
    history = functools.lru_cache(maxsize=1)(functools.partial(prompts.agent_history, turns))

    def arguments(index: int) -> dict[str, Any]:
        conversation, turn = divmod(index, turns)
        messages = history(1_000 * conversation)[: 2 + 3 * turn]
        return {"model": answers.MODEL, "messages": messages}

    return Workload(
        name=f"conversations of {turns} turns",
        answer=answers.chat_answer(),
        arguments=arguments,
        sample_calls=turns,
    )
