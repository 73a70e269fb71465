"""Verdicts on random traffic against an independent model of Anthropic's cache, which knows what was really readable."""

from __future__ import annotations

import copy
import random
from collections import Counter
from typing import Any

import pytest

from otel_promptcache.core.diagnosis.reasons import MissReason
from otel_promptcache.core.diagnosis.verdict import Diagnosis
from otel_promptcache.core.exchange import Reply
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.sim import filler_text
from otel_promptcache.sim.messages.cache import MessagesCache, MessagesRead
from otel_promptcache.sim.messages.prompt import read_prompt
from otel_promptcache.wire.anthropic.messages import MESSAGES
from tests.unit.prompts import Application, Body

MODEL = "claude-opus-5"
CLAUDE = policy_for("anthropic", MODEL)
REQUESTS = 400
TOLERANCE_TOKENS = 128
SURE = 0.75
"""Tokens are estimated from bytes if the provider has not reported them."""
IMAGE: Body = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
TOOLS: list[Body] = [
    {"name": f"tool_{index}", "description": filler_text(60, index), "input_schema": {"type": "object"}}
    for index in range(4)
]


class Traffic:
    """Conversations that grow, branch, pause and change their settings."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  # traffic, no secret
        self.conversations: list[list[Body]] = []
        self.rules = [
            filler_text(self.random.choice((300, 900, 2_500)), f"{seed}:{index}") for index in range(3)
        ]

    def text(self, tokens: int) -> Body:
        return {"type": "text", "text": filler_text(tokens, self.random.random())}

    def request(self) -> Body:
        chance = self.random.random
        if not self.conversations or chance() < 0.15:
            self.conversations.append([self.text(self.random.choice((20, 200, 800)))])
        blocks = self.random.choice(self.conversations[-6:])
        if chance() < 0.6:
            blocks += [
                self.text(self.random.choice((5, 80, 300))) for _ in range(self.random.choice((1, 2, 5, 22)))
            ]
        if chance() < 0.03:
            blocks.append(IMAGE)
        system = [{"type": "text", "text": self.random.choice(self.rules[: 1 + (chance() < 0.2)])}]
        body: Body = {"model": MODEL, "max_tokens": 1, "system": system}
        content = [dict(block) for block in blocks]
        long = {"ttl": "1h"} if chance() < 0.2 else {}
        if chance() < 0.7:
            system[0] |= {"cache_control": {"type": "ephemeral", **long}}
        if chance() < 0.5:
            content[-1] |= {"cache_control": {"type": "ephemeral"}}
        elif chance() < 0.3:
            body["cache_control"] = {"type": "ephemeral"}
        if chance() < 0.3:
            body["tools"] = TOOLS if chance() < 0.8 else TOOLS[::-1]
        if chance() < 0.1:
            body["tool_choice"] = {"type": "none"}
        return {**body, "messages": [{"role": "user", "content": content}]}

    def pause_seconds(self) -> float:
        return self.random.choice((0.5, 5, 40, 200, 290, 310, 900, 3_700))


def reported(read: MessagesRead) -> TokenUsage:
    return TokenUsage(
        input_tokens=read.input_tokens,
        cache_read_tokens=read.cached_tokens,
        cache_write_tokens=read.write_tokens,
    )


def judged(application: Application, body: Body, usage: TokenUsage) -> Diagnosis:
    examination = application.open(body)
    examination.answered(Reply(response_id="msg_1"), CLAUDE, application.now_seconds + 1.5, usage)
    return examination.judge(usage, None, CLAUDE)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_expected_was_really_readable(seed: int) -> None:
    """No request is expected to read more than it could, and the provider is never blamed."""
    traffic, cache, reasons = Traffic(seed), MessagesCache(), Counter[str]()
    application = Application(MESSAGES, policy=CLAUDE)
    hits = exact = 0
    for _ in range(REQUESTS):
        body = traffic.request()
        read = cache.read(read_prompt(body), "a", MODEL, application.now_seconds)
        cache.write(read)
        diagnosis = judged(application, body, reported(read))
        sure_tokens = SURE * (diagnosis.expected_tokens or 0)
        if sure_tokens >= (
            CLAUDE.minimum_tokens or 0
        ):  # anything shorter may not be long enough to be written
            assert sure_tokens <= read.cached_tokens + TOLERANCE_TOKENS
        assert diagnosis.reason is not MissReason.PROVIDER
        reasons[diagnosis.reason.value if diagnosis.reason else "none"] += 1
        hits += read.cached_tokens > 0
        exact += 0 < read.cached_tokens <= (diagnosis.expected_tokens or 0) + TOLERANCE_TOKENS
        application.now_seconds += traffic.pause_seconds()
    assert hits > REQUESTS / 20
    assert exact >= 0.9 * hits
    assert len(reasons) >= 5


@pytest.mark.parametrize("seed", range(4))
def test_what_the_provider_loses_is_its_own_doing(seed: int) -> None:
    traffic, cache, blamed = Traffic(100 + seed), MessagesCache(), Counter[Any]()
    application = Application(MESSAGES, policy=CLAUDE)
    for number in range(REQUESTS):
        body = traffic.request()
        prompt = read_prompt(body)
        readable = copy.deepcopy(cache).read(prompt, "a", MODEL, application.now_seconds).cached_tokens
        is_lost = number % 5 == 0 and readable > 2 * TOLERANCE_TOKENS
        read = cache.read(prompt, "a", MODEL, application.now_seconds, miss=is_lost)
        cache.write(read)
        diagnosis = judged(application, body, reported(read))
        if is_lost:
            blamed[diagnosis.reason] += 1
        else:
            assert diagnosis.reason is not MissReason.PROVIDER
        application.now_seconds += traffic.pause_seconds()
    assert sum(blamed.values()) >= 5
    assert blamed[MissReason.PROVIDER] >= 0.9 * sum(blamed.values()), blamed
