"""The kinds of calls whose cost is measured, shared by all benchmarks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import openai

from benchmarks import answers, prompts
from benchmarks.transport import Answer

SHORT_CHAT_STREAM, SHORT_RESPONSES_STREAM, LONG_STREAM = 4, 10, 200
"""Events of the streams; two lengths of each separate the cost of a chunk from that of a call."""

AGENT_TURNS, MESSAGES_PER_TURN = 50, 3
_AGENT_RESULT_WORDS = 1_100
"""Length of each tool result, so that the conversation ends at 60,000 tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One kind of call, and the provider's answer to it."""

    name: str
    is_chat: bool = True
    """Chat completions; else the Responses API."""
    answer: Answer
    arguments: Callable[[int], dict[str, Any]]
    """What the n-th call of a sample sends."""
    sample_calls: int
    """Calls per sample; enough for tens of milliseconds."""
    warm_up_calls: int = 25
    """Calls before each sample, so that it finds what a long-running service would find."""
    begin: Callable[[], None] = lambda: None
    """Builds the prompts of a sample, if they differ between samples; this is not measured."""
    events: int = 0
    """Events of a stream; 0 for a plain call."""

    def call(self, client: openai.OpenAI, index: int = 0) -> None:
        """Make one call; read its stream to the end."""
        create: Any = client.chat.completions.create if self.is_chat else client.responses.create
        result = create(**self.arguments(index))
        if self.events:
            for _ in result:
                pass

    async def acall(self, client: openai.AsyncOpenAI, index: int = 0) -> None:
        """Make one call with the asynchronous client."""
        create: Any = client.chat.completions.create if self.is_chat else client.responses.create
        result = await create(**self.arguments(index))
        if self.events:
            async for _ in result:
                pass


def workloads() -> Sequence[Workload]:
    """All workloads whose overhead is measured, in the order of the table."""
    return (
        short_chat(),
        stable_chat(),
        drifting_chat(),
        *long_chats(),
        stable_response(),
        agent_turn(),
        chat_stream(SHORT_CHAT_STREAM),
        chat_stream(LONG_STREAM),
        response_stream(SHORT_RESPONSES_STREAM),
        response_stream(LONG_STREAM),
    )


def selected(parts: Sequence[str]) -> Sequence[Workload]:
    """The workloads whose name contains one of the parts; all if there are none."""
    return [each for each in workloads() if not parts or any(part in each.name for part in parts)]


def short_chat() -> Workload:
    """60 tokens: the minimum cost of any call."""
    return Workload(
        name="chat, 60 tokens",
        answer=answers.chat_answer(),
        arguments=_always(chat_arguments(prompts.words(20), prompts.words(40))),
        sample_calls=25,
    )


def stable_chat() -> Workload:
    """The typical use of a prompt cache: a long system prompt and tools that never change."""
    return Workload(
        name="chat, 4,600 tokens stable + 400 of tools",
        answer=answers.chat_answer(),
        arguments=_always(chat_arguments(prompts.words(4_600), prompts.words(60), tools=prompts.tools())),
        sample_calls=20,
    )


def drifting_chat() -> Workload:
    """A counter on top of a long system prompt: no call starts like an earlier one."""
    text, question, numbers = prompts.words(4_600), prompts.words(60), itertools.count()
    return Workload(
        name="chat, 4,600 tokens after a number that changes",
        answer=answers.chat_answer(),
        arguments=lambda _: chat_arguments(f"Request {next(numbers)}. {text}", question),
        sample_calls=20,
    )


def long_chats() -> tuple[Workload, Workload]:
    """A very long prefix, as one string that is reused, and as one that is built for every call."""
    text, question = prompts.words(100_000), prompts.words(60)
    kept = Workload(
        name="chat, 100,000 tokens stable, same objects",
        answer=answers.chat_answer(),
        arguments=_always(chat_arguments(text, question)),
        sample_calls=5,
        warm_up_calls=10,
    )
    built = Workload(
        name="chat, 100,000 tokens stable, fresh strings",
        answer=answers.chat_answer(),
        arguments=lambda _: chat_arguments(prompts.fresh(text), prompts.fresh(question)),
        sample_calls=5,
        warm_up_calls=10,
    )
    return kept, built


def stable_response() -> Workload:
    """The Responses API's counterpart of `stable_chat`."""
    arguments = {
        "model": answers.MODEL,
        "instructions": prompts.words(4_600),
        "input": prompts.words(60),
        "tools": prompts.flat_tools(),
    }
    return Workload(
        name="responses, 4,600 tokens stable + 400 of tools",
        is_chat=False,
        answer=answers.responses_answer(),
        arguments=_always(arguments),
        sample_calls=20,
    )


def agent_turn() -> Workload:
    """A conversation that grows with every call; each sample is one whole, new conversation."""
    messages: list[dict[str, Any]] = []
    tools, seeds = prompts.tools(), itertools.count(step=2 * AGENT_TURNS)

    def begin() -> None:
        messages[:] = prompts.agent_history(AGENT_TURNS, next(seeds), result_words=_AGENT_RESULT_WORDS)

    def arguments(index: int) -> dict[str, Any]:
        known = 2 + MESSAGES_PER_TURN * (index % AGENT_TURNS)
        return {"model": answers.MODEL, "messages": messages[:known], "tools": tools}

    begin()
    return Workload(
        name=f"agent loop of {AGENT_TURNS} turns to 60,000 tokens, one turn",
        answer=answers.chat_answer(),
        arguments=arguments,
        sample_calls=AGENT_TURNS,
        begin=begin,
    )


def chat_stream(events: int) -> Workload:
    """60 tokens, answered as a stream with usage."""
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    return Workload(
        name=f"chat stream, {events} chunks",
        answer=answers.chat_stream_answer(events),
        arguments=_always(chat_arguments(prompts.words(20), prompts.words(40), **asked)),
        **_stream_sizes(events),
    )


def response_stream(events: int) -> Workload:
    """The same stream through the Responses API."""
    asked = {"instructions": prompts.words(20), "input": prompts.words(40), "stream": True}
    return Workload(
        name=f"responses stream, {events} events",
        is_chat=False,
        answer=answers.responses_stream_answer(events),
        arguments=_always({"model": answers.MODEL, **asked}),
        **_stream_sizes(events),
    )


def _stream_sizes(events: int) -> dict[str, int]:
    is_long = events >= LONG_STREAM
    return {
        "events": events,
        "sample_calls": 5 if is_long else 20,
        "warm_up_calls": 3 if is_long else 20,  # each event warms up the stream's code
    }


def _always(arguments: dict[str, Any]) -> Callable[[int], dict[str, Any]]:
    return lambda _: arguments


def chat_arguments(system: str, question: str, **others: Any) -> dict[str, Any]:
    """What a chat with a system prompt and one question sends."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    return {"model": answers.MODEL, "messages": messages, **others}
