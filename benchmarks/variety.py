"""Calls that differ from each other, to see what is remembered of them."""

from __future__ import annotations

import functools
from typing import Any

from benchmarks import answers, prompts
from benchmarks.workloads import Workload, chat_arguments


def distinct_chats(templates: int) -> Workload:
    """Another template in each of that many calls, then the same ones again."""
    return Workload(
        name=f"chats of {templates} templates",
        answer=answers.chat_answer(),
        arguments=lambda index: chat_arguments(
            prompts.distinct_instructions(index % templates), prompts.words(20)
        ),
        sample_calls=25,
    )


def conversations(turns: int) -> Workload:
    """One conversation after the other, each of that many turns and about something else."""
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
