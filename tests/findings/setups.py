"""Flaws of settings, endpoints, times and rates, and their remedies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from otel_promptcache.report.rules import snippets
from otel_promptcache.sim import Simulator
from tests.findings.loop import RULES, App, Loop, fill
from tests.findings.prompts import NAMES
from tests.unit.prompts import MIDDLE, NEW, OLD, Body, assistant, prose, user

KEYED = {"prompt_cache_options": {"mode": "explicit"}}


def each(members: Callable[[int], Body], count: int = 8) -> Callable[[App], None]:
    """Requests with one prompt and the members that a function returns for each."""

    def traffic(app: App) -> None:
        for number in range(count):
            app.chat(app.rules(), user("Hi"), **members(number))

    return traffic


def same(**members: Any) -> Callable[[App], None]:
    return each(lambda _: members)


def _endpoints(app: App, *, is_sticky: bool) -> None:
    """Conversations that are moved to another backend midway."""
    with Simulator(app.simulator.config, clock=app.clock) as other, app.client_of(other.base_url) as fallback:
        for topic in ("one", "two", "three"):
            for turn in range(4):
                is_moved = turn > 1 and not is_sticky
                app.chat(
                    app.rules(prose(2_400, topic)),
                    user(f"And {turn}?"),
                    client=fallback if is_moved else None,
                )


def _sessions(app: App, *, is_kept: bool) -> None:
    """A gateway that sends each session to its own replica."""
    for number in range(8):
        if number and not is_kept:
            app.simulator.evict()
        app.chat(
            app.rules(), user("Hi"), extra_headers={"x-session-id": "bot" if is_kept else f"request {number}"}
        )


def _modes(app: App, *, is_kept: bool) -> None:
    """A conversation in which every second turn comes from code with its own breakpoints."""
    history = list[Body]()
    for turn in range(8):
        question = user(prose(300, f"question {turn}"))
        if turn % 2 and not is_kept:
            last: Body = fill(snippets.BREAKPOINT, ROLE="user", TEXT=question["content"])
            app.chat(app.rules(), *history, last, model=NEW, prompt_cache_options={"mode": "explicit"})
        else:
            app.chat(app.rules(), *history, question, model=NEW, **fill(snippets.IMPLICIT_MODE))
        history += [question, assistant(prose(300, f"answer {turn}"))]


def _keys(app: App, *, members: Callable[[int], Body]) -> None:
    for number in range(8):
        app.chat(app.rules(), user("Hi"), model=NEW, **members(number))


def _efforts(app: App, *, is_kept: bool) -> None:
    for number in range(8):
        app.respond(
            user("Hi"),
            instructions=RULES,
            model=NEW,
            reasoning={
                "effort": "low"
                if is_kept or number % 2
                else f"{('medium', 'high', 'none', 'minimal')[number // 2]}"
            },
        )


def _verbosities(app: App, *, is_kept: bool) -> None:
    for number in range(6):
        app.respond(
            user("Hi"),
            instructions=RULES,
            model=MIDDLE,
            text={"verbosity": "low" if is_kept else ("low", "medium", "high")[number % 3]},
        )


def _compacted(app: App, *, is_rare: bool) -> None:
    history = [user(prose(900, "start"))]
    for turn in range(9):
        if turn and (not is_rare or turn == 5):
            history = [{"type": "compaction", "encrypted_content": prose(60, f"cmp {turn}")}, *history[-2:]]
        app.respond(*history, instructions=prose(1_100))
        history = [*history, user(prose(700, f"turn {turn}"))]


def _cold(app: App, *, is_shared: bool) -> None:
    for number in range(8):
        own, shared = prose(400, f"own {number}"), prose(1_600, "shared" if is_shared else f"more {number}")
        app.prefix = f"prompt {number}" if not is_shared else "bot"
        app.chat(app.rules(shared), user(own))


def _waiting(app: App, *, members: Body, model: str) -> None:
    for _ in range(6):
        app.chat(app.rules(), user("Hi"), model=model, **members)
        app.clock.advance(1_000)


def _short(app: App, *, is_longer: bool) -> None:
    for name in NAMES:
        app.chat(app.rules(prose(1_300 if is_longer else 700)), user(f"Question of {name}?"))


def _rates(app: App, *, keys: int) -> None:
    """Ten requests a minute, with occasional bursts of forty: the overflow's machine has forgotten the prompt by then."""
    for minute in range(48):
        count = 10 if minute % 12 else 40
        for number in range(count):
            member = fill(snippets.SPREAD_KEYS, NUMBER=number % keys)
            app.chat(app.rules(), user("Hi"), prompt_cache_retention="in_memory", **member)
            app.clock.advance(60 / count)


def _fan_out(app: App, *, is_first_alone: bool) -> None:
    """Requests that are sent at the same time, in each of several rounds."""
    for topic in ("one", "two", "three"):
        rules = app.rules(prose(2_400, topic))
        if is_first_alone:
            app.chat(rules, user("Hi"))
        arrived = threading.Barrier(4)

        def send(name: str, rules: Body = rules, arrived: threading.Barrier = arrived) -> None:
            arrived.wait()
            app.chat(rules, user(f"Question of {name}?"), extra_headers={"x-sim-fault": "slow"})

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, NAMES[:4]))


def _missing(app: App, *, is_reported: bool) -> None:
    for _ in range(8):
        if not is_reported:
            app.simulator.inject("miss")
        app.chat(app.rules(), user("Hi"))


SETUP_LOOPS: dict[str, Loop] = {
    "model-changed": Loop(
        flawed=each(lambda number: {"model": (OLD, "gpt-4.1", "gpt-5.4")[number % 8 // 3]}), fixed=same(model=OLD)
    ),
    "endpoint-changed": Loop(
        flawed=lambda app: _endpoints(app, is_sticky=False), fixed=lambda app: _endpoints(app, is_sticky=True)
    ),
    "settings-changed": Loop(
        flawed=lambda app: _sessions(app, is_kept=False), fixed=lambda app: _sessions(app, is_kept=True)
    ),
    "mode-changed": Loop(
        flawed=lambda app: _modes(app, is_kept=False), fixed=lambda app: _modes(app, is_kept=True)
    ),
    "cache-key-changed": Loop(
        flawed=lambda app: _keys(app, members=lambda number: {"prompt_cache_key": f"user-{number}"}),
        fixed=lambda app: _keys(app, members=lambda _: fill(snippets.CACHE_KEY)),
    ),
    "service-tier-changed": Loop(
        flawed=each(lambda number: {"service_tier": ("default", "flex", "priority")[number // 3]}),
        fixed=same(service_tier="default"),
    ),
    "effort-changed": Loop(
        flawed=lambda app: _efforts(app, is_kept=False), fixed=lambda app: _efforts(app, is_kept=True)
    ),
    "verbosity-changed": Loop(
        flawed=lambda app: _verbosities(app, is_kept=False), fixed=lambda app: _verbosities(app, is_kept=True)
    ),
    "context-compacted": Loop(
        flawed=lambda app: _compacted(app, is_rare=False), fixed=lambda app: _compacted(app, is_rare=True)
    ),
    "cold-start": Loop(flawed=lambda app: _cold(app, is_shared=False), fixed=lambda app: _cold(app, is_shared=True)),
    "expired": Loop(
        flawed=lambda app: _waiting(app, members={"prompt_cache_retention": "in_memory"}, model=OLD),
        fixed=lambda app: _waiting(app, members=fill(snippets.LONGER_LIFETIME), model=OLD),
    ),
    "below-minimum": Loop(
        flawed=lambda app: _short(app, is_longer=False), fixed=lambda app: _short(app, is_longer=True)
    ),
    "caching-disabled": Loop(
        flawed=same(model=NEW, prompt_cache_options={"mode": "explicit"}),
        fixed=same(model=NEW, **fill(snippets.IMPLICIT_MODE)),
    ),
    "rate-overflow": Loop(
        flawed=lambda app: _rates(app, keys=1), fixed=lambda app: _rates(app, keys=3),
        config={"overflow_requests_per_minute": 15},
    ),
    "concurrent": Loop(
        flawed=lambda app: _fan_out(app, is_first_alone=False), fixed=lambda app: _fan_out(app, is_first_alone=True),
        config={"slow_seconds": 0.3},
    ),
    "provider": Loop(
        flawed=lambda app: _missing(app, is_reported=False), fixed=lambda app: _missing(app, is_reported=True)
    ),
}  # fmt: skip
