"""Typical applications, each with its prompt caching habits: good, bad or indifferent.

A workload is data: the keyword arguments of request after request, for `chat.completions.create`,
`responses.create` or Anthropic's `messages.create` of any client. Nothing is sent here, and the same seed
gives the same requests.

```python
for arguments in SUPPORT_BOT.requests(seed=1):
    client.chat.completions.create(**arguments)
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any, Literal

from otel_promptcache.sim.cache.tokens import filler_text

Arguments = dict[str, Any]

_BREAKPOINT = {"prompt_cache_breakpoint": {"mode": "explicit"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """An application, and what it sends in half an hour.

    Attributes:
        name: Its name; also a good name for its prompt template.
        does: What it does, in one line.
        flaw: What is wrong with it, in a few words; None if it caches as well as it can.
        api: Which endpoint its requests are for.
        client: Which kind of client it is written with. For `azure` the model is a deployment's name.
        send: Generates the requests from a source of randomness.
    """

    name: str
    does: str
    flaw: str | None = None
    api: Literal["chat", "responses", "messages"]
    client: Literal["sync", "async", "azure"]
    send: Callable[[Random], Iterator[Arguments]]

    def requests(self, seed: int = 0) -> Iterator[Arguments]:
        """Yield the arguments of its requests in order, the same for the same seed."""
        return self.send(Random(f"{self.name} {seed}"))  # noqa: S311  # reproducible on purpose


def _support_bot(chance: Random) -> Iterator[Arguments]:
    system = _guide("You are the support assistant of Northwind Outfitters.", 2000)
    tools = [_chat_tool(name) for name in ("find_order", "refund_order", "track_parcel", "open_ticket")]
    for _ in range(48):
        yield {
            **_chat("gpt-4.1", system, _text(chance, 15, 60)),
            "tools": tools,
            **_STREAM,
        }


def _coding_agent(chance: Random) -> Iterator[Arguments]:
    tools = [
        _tool(name) for name in ("read_file", "write_file", "search", "list_files", "run_tests", "run_shell")
    ]
    system = _developer(_guide("You are a coding agent in a Git repository.", 2500))
    for task in range(3):
        conversation: list[Arguments] = [system, {"role": "user", "content": _text(chance, 40, 120)}]
        for step in range(12):
            yield {
                "model": "gpt-5.6-sol",
                "input": list(conversation),
                "tools": tools,
                "stream": True,
                "store": False,
            }
            call = {"type": "function_call", "call_id": f"call_{task}_{step}", "name": "read_file"}
            result = {"type": "function_call_output", "call_id": call["call_id"]}
            conversation += [
                {**call, "arguments": '{"path": "src/module.py"}'},
                {**result, "output": _text(chance, 200, 1200)},
            ]


def _rag_search(chance: Random) -> Iterator[Arguments]:
    system = _guide("You answer questions from the documents below, and cite them.", 1500)
    for _ in range(30):
        retrieved, question = _text(chance, 1500, 3000), _text(chance, 10, 30)
        yield {
            **_chat("search-production", system, f"Documents:\n{retrieved}\n\nQuestion: {question}"),
            **_STREAM,
        }


def _daily_digest(chance: Random) -> Iterator[Arguments]:
    guide = _guide("You write the digest of what happened in the shop.", 1800)
    now = datetime(2026, 11, 20, 9, tzinfo=timezone.utc)
    for _ in range(16):
        now += timedelta(seconds=chance.randint(60, 150))
        yield {
            "model": "gpt-5.4",
            "instructions": f"Current time: {now.isoformat()}\n\n{guide}",
            "input": _text(chance, 150, 300),
            "stream": True,
        }


def _tool_shuffler(chance: Random) -> Iterator[Arguments]:
    system = _guide("You plan trips with the help of many tools.", 600)
    places = ("flights", "hotels", "trains", "cars", "events", "weather")
    tools = [_chat_tool(f"{verb}_{place}") for verb in ("search", "book") for place in places]
    for _ in range(24):
        shuffled = chance.sample(tools, len(tools))
        yield {**_chat("gpt-5-mini", system, _text(chance, 20, 60)), "tools": shuffled}


def _tenant_mail(chance: Random) -> Iterator[Arguments]:
    system = _developer(_guide("You draft replies to mail, in the tone of the house.", 1600))
    for _ in range(30):
        yield {
            "model": "gpt-5.6-terra",
            "input": [system, {"role": "user", "content": _text(chance, 100, 300)}],
            "stream": True,
            # In `extra_body`, as old versions of the SDK have no argument of that name.
            "extra_body": {"prompt_cache_key": f"user-{chance.randint(1, 150)}"},
        }


def _classifier(chance: Random) -> Iterator[Arguments]:
    system = _guide("Sort the message into one of these classes.", 300)
    for _ in range(40):
        yield _chat("gpt-4.1-nano", system, _text(chance, 20, 80))


def _chat_widget(chance: Random) -> Iterator[Arguments]:
    system = _guide("You are the friendly face of our web site.", 1400)
    for _ in range(26):
        yield {**_chat("gpt-4o-mini", system, _text(chance, 10, 40)), "stream": True}


def _memo_writer(chance: Random) -> Iterator[Arguments]:
    guide = _guide("You write memos about contracts, in the style of the house.", 2200)
    for _ in range(20):
        question = {"role": "user", "content": _text(chance, 100, 300)}
        yield {
            "model": "claude-sonnet-5",
            "max_tokens": 64,
            "system": guide,
            "messages": [question],
            "stream": True,
        }


SUPPORT_BOT = Workload(
    name="support-bot",
    does="2,000 tokens of instructions and four tools, then a question",
    api="chat",
    client="sync",
    send=_support_bot,
)
CODING_AGENT = Workload(
    name="coding-agent",
    does="conversations that only grow, after an explicit breakpoint",
    api="responses",
    client="async",
    send=_coding_agent,
)
RAG_SEARCH = Workload(
    name="rag-search",
    does="stable instructions, then new documents each time (on Azure)",
    api="chat",
    client="azure",
    send=_rag_search,
)
DAILY_DIGEST = Workload(
    name="daily-digest",
    does="stable instructions, but with the current time above them",
    flaw="timestamp on top",
    api="responses",
    client="sync",
    send=_daily_digest,
)
TOOL_SHUFFLER = Workload(
    name="tool-shuffler",
    does="twelve tools, in a different order each time",
    flaw="tools change order",
    api="chat",
    client="async",
    send=_tool_shuffler,
)
TENANT_MAIL = Workload(
    name="tenant-mail",
    does="the same instructions, but one cache key for each of 150 users",
    flaw="one cache key per user",
    api="responses",
    client="sync",
    send=_tenant_mail,
)
CLASSIFIER = Workload(
    name="classifier",
    does="a prompt of 300 tokens, too short for any cache",
    flaw="below 1,024 tokens",
    api="chat",
    client="async",
    send=_classifier,
)
CHAT_WIDGET = Workload(
    name="chat-widget",
    does="streams without include_usage, so their usage is unknown",
    flaw="usage not reported",
    api="chat",
    client="sync",
    send=_chat_widget,
)

MEMO_WRITER = Workload(
    name="memo-writer",
    does="stable instructions for Claude, but nothing is marked",
    flaw="no cache_control",
    api="messages",
    client="sync",
    send=_memo_writer,
)

WORKLOADS = (
    SUPPORT_BOT, CODING_AGENT, RAG_SEARCH, DAILY_DIGEST, TOOL_SHUFFLER, TENANT_MAIL, MEMO_WRITER, CLASSIFIER,
    CHAT_WIDGET,
)  # fmt: skip
"""All workloads, the well-behaved first."""

DEPLOYMENTS = {"search-production": "gpt-4.1-mini"}
"""Models behind the Azure deployments that the workloads name, for `SimConfig.deployments`."""

_STREAM = {"stream": True, "stream_options": {"include_usage": True}}


def _text(chance: Random, shortest_tokens: int, longest_tokens: int) -> str:
    return filler_text(chance.randint(shortest_tokens, longest_tokens), chance.getrandbits(32))


def _guide(opening: str, tokens: int) -> str:
    """Instructions of about that length, recognisable by their first sentence."""
    return f"{opening}\n\n{filler_text(tokens, opening)}"


def _chat(model: str, system: str, user: str) -> Arguments:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    return {"model": model, "messages": messages}


def _developer(text: str) -> Arguments:
    """Instructions that end at an explicit breakpoint: from gpt-5.6 on they are not shared without one."""
    return {"role": "developer", "content": [{"type": "input_text", "text": text, **_BREAKPOINT}]}


def _tool(name: str) -> Arguments:
    arguments = {"query": {"type": "string", "description": filler_text(20, f"{name} query")}}
    parameters = {"type": "object", "properties": arguments, "required": ["query"]}
    return {
        "type": "function", "name": name, "description": filler_text(60, name), "parameters": parameters,
    }  # fmt: skip


def _chat_tool(name: str) -> Arguments:
    function = {key: value for key, value in _tool(name).items() if key != "type"}
    return {"type": "function", "function": function}
