"""Twelve kinds of traffic, each for any number of processes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from benchmarks.diagnosis.requests import Body, chat, system, text, tool, user
from benchmarks.fleet.traffic import BLOCKS, EXACT, Request, Scenario, arrivals, conversations

_RULES_TOKENS = 3_000
_HOUR_SECONDS = 3_600


def stable(rng: random.Random, processes: int) -> Iterator[Request]:
    """New questions after the same rules, at times more in a minute than one machine takes."""
    rules = system(text(_RULES_TOKENS, rng))
    for at_seconds in arrivals(rng, 700, 12):
        yield Request(at_seconds, rng.randrange(processes), chat([rules, user(text(60, rng))], BLOCKS))


def turns(
    *, rules_tokens: int, model: str, is_sticky: bool
) -> Callable[[random.Random, int], Iterator[Request]]:
    """Conversations: all turns of one in the same process, or each turn in any."""

    def requests(rng: random.Random, processes: int) -> Iterator[Request]:
        rules = system(text(rules_tokens, rng))
        for turn in conversations(rng, 90, 8):
            process = turn.session if is_sticky else rng.randrange(processes)
            body = chat([rules, *turn.messages], model)
            yield Request(turn.at_seconds, process % processes, body)

    return requests


def timestamp_on_top(rng: random.Random, processes: int) -> Iterator[Request]:
    """The current time comes before the rules."""
    rules = text(_RULES_TOKENS, rng)
    for at_seconds in arrivals(rng, 600, 10):
        now = f"It is {int(at_seconds) // 3600:02}:{int(at_seconds) // 60 % 60:02}:{at_seconds % 60:06.3f} now.\n"
        question = text(60, rng)
        yield Request(
            at_seconds,
            rng.randrange(processes),
            chat([system(now + rules), user(question)], BLOCKS),
            chat([system(rules), user(question + now)], BLOCKS),
        )


def tool_orders(*, are_all: bool) -> Callable[[random.Random, int], Iterator[Request]]:
    """One process shuffles its tools for each request, or each process has its own fixed order."""

    def requests(rng: random.Random, processes: int) -> Iterator[Request]:
        rules = system(text(900, rng))
        tools = [
            tool(f"{word}_{number}", text(90, rng)) for number, word in enumerate(("get", "put", "find") * 4)
        ]
        for at_seconds in arrivals(rng, 600, 10):
            process, question = rng.randrange(processes), user(text(60, rng))
            order = random.Random(process) if are_all else rng  # noqa: S311  # a fixed order per process
            shuffled = order.sample(tools, len(tools))
            yield Request(
                at_seconds,
                process,
                chat([rules, question], BLOCKS, tools=shuffled if are_all or not process else tools),
                chat([rules, question], BLOCKS, tools=tools),
            )

    return requests


def rolling_deploy(rng: random.Random, processes: int) -> Iterator[Request]:
    """Halfway, the first sentence changes; the processes restart one by one."""
    rules = text(_RULES_TOKENS, rng)
    before, after = (
        "You answer for the depot in the north. ",
        "You answer for the depot in the south, kindly. ",
    )
    for at_seconds in arrivals(rng, 500, 10):
        slot, question = rng.randrange(processes), user(text(60, rng))
        is_restarted = at_seconds > _HOUR_SECONDS / 2.4 + 300 * slot / processes
        first = after if is_restarted else before
        yield Request(
            at_seconds,
            slot + processes * is_restarted,
            chat([system(first + rules), question], BLOCKS),
            chat([system(rules + first), question], BLOCKS),
        )


def near_the_lifetime(rng: random.Random, processes: int) -> Iterator[Request]:
    """Templates that are used every few minutes: usually before they expire, sometimes after."""
    for _ in range(20):
        rules, at_seconds = system(text(_RULES_TOKENS, rng)), rng.uniform(0, 300)
        for _ in range(30):
            body = chat([rules, user(text(60, rng))], BLOCKS)
            yield Request(at_seconds, rng.randrange(processes), body)
            at_seconds += rng.choice((rng.uniform(20, 200), rng.uniform(180, 295), rng.uniform(180, 340)))


def above_the_rate(rng: random.Random, processes: int) -> Iterator[Request]:
    """Little traffic, but every six minutes, all processes together send more than one machine takes in a minute."""
    rules = system(text(_RULES_TOKENS, rng))
    for at_seconds in arrivals(rng, 300, 5):
        yield Request(at_seconds, rng.randrange(processes), chat([rules, user(text(60, rng))], BLOCKS))
    for burst in range(10):
        for _ in range(40):
            at_seconds = 360 * burst + rng.uniform(0, 60)
            yield Request(at_seconds, rng.randrange(processes), chat([rules, user(text(60, rng))], BLOCKS))


def keys(rng: random.Random, processes: int) -> Iterator[Request]:
    """Each process has its own `prompt_cache_key`."""
    marked = {
        "type": "text",
        "text": text(_RULES_TOKENS, rng),
        "prompt_cache_breakpoint": {"mode": "explicit"},
    }
    rules: Body = {"role": "system", "content": [marked]}
    for at_seconds in arrivals(rng, 500, 10):
        process = rng.randrange(processes)
        messages = [rules, user(text(60, rng))]
        yield Request(
            at_seconds,
            process,
            chat(messages, EXACT, prompt_cache_key=f"worker-{process}"),
            chat(messages, EXACT, prompt_cache_key="all"),
        )


def serverless(rng: random.Random, processes: int) -> Iterator[Request]:
    """Processes that end after five requests and are replaced by new ones."""
    rules = system(text(_RULES_TOKENS, rng))
    served = [0] * processes
    for at_seconds in arrivals(rng, 600, 10):
        slot = rng.randrange(processes)
        process = slot + processes * (served[slot] // 5)
        served[slot] += 1
        yield Request(at_seconds, process, chat([rules, user(text(60, rng))], BLOCKS))


def fan_out(rng: random.Random, processes: int) -> Iterator[Request]:
    """Sixteen concurrent tasks, all about a document that no process has sent before."""
    rules = system(text(200, rng))
    for number in range(40):
        document = user(text(2_800, rng))
        for _ in range(16):
            at_seconds = number * 90 + rng.uniform(0, 0.5)
            body = chat([rules, document, user(text(40, rng))], BLOCKS)
            yield Request(at_seconds, rng.randrange(processes), body)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("i stable prefix, other tails", stable),
    Scenario("ii turns, sticky", turns(rules_tokens=2_000, model=EXACT, is_sticky=True)),
    Scenario("ii turns, any process", turns(rules_tokens=830, model=EXACT, is_sticky=False)),
    Scenario("iii timestamp on top", timestamp_on_top, "input_changed"),
    Scenario("iv one shuffles its tools", tool_orders(are_all=False), "tools_changed"),
    Scenario("iv each has its order", tool_orders(are_all=True), "tools_changed"),
    Scenario("v rolling deploy", rolling_deploy, "input_changed"),
    Scenario("vi gaps near the lifetime", near_the_lifetime),
    Scenario("vii above the rate", above_the_rate),
    Scenario("viii a key for each process", keys, "prompt_cache_key_changed"),
    Scenario("ix serverless", serverless),
    Scenario("x fan-out, cold document", fan_out),
)
