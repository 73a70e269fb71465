"""A process that sends all requests never concludes that others do, even if it forgets, loses or overlaps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest
from benchmarks.diagnosis.requests import Body, assistant, chat, system, text, tool, user
from benchmarks.fleet.process import ClientProcess, Pending
from benchmarks.fleet.provider import Provider, Served

from otel_promptcache.core.memory import index as index_module
from otel_promptcache.core.memory import piece_store
from otel_promptcache.core.memory.index import PrefixIndex

_MODELS = ("gpt-4.1", "gpt-5.6-sol")


@dataclass
class World:
    """One application, one process and the provider; requests are answered in any order, or never."""

    rng: Random
    process: ClientProcess = field(default_factory=ClientProcess)
    now_seconds: float = 1_000_000.0
    waiting: list[tuple[float, Pending, Served]] = field(default_factory=list[tuple[float, Pending, Served]])
    said: list[str | None] = field(default_factory=list[str | None])

    def __post_init__(self) -> None:
        self.provider = Provider(self.rng.randrange(1_000))
        self.models = [self.rng.choice(_MODELS) for _ in range(4)]
        self.rules = [text(self.rng.choice((150, 900, 2_000)), self.rng) for _ in range(4)]
        self.documents = [text(self.rng.choice((400, 1_500)), self.rng) for _ in range(12)]
        self.histories: list[list[Body]] = [[user(text(60, self.rng))] for _ in range(12)]
        self.tools = [tool(name, text(60, self.rng)) for name in ("get", "put", "find")]

    def body(self) -> Body:
        rng, number = self.rng, self.rng.randrange(4)
        rules, question = self.rules[number], text(40, rng)
        document = rng.choice(self.documents)
        members = {"tools": self.tools} if number == 0 else {}
        shape = rng.randrange(5)
        if shape == 0:
            messages = [user(f"{rules}\n{document}\n{question}")]
        elif shape == 1:
            messages = [system(rules), user(document), user(question)]
        elif shape == 2:
            messages = [system(rules), user(f"{document}\n{question}")]
        else:
            at = rng.randrange(len(self.histories))
            messages = [system(self.rules[at % 4]), *self.histories[at]]
            if rng.random() < 0.8:
                answer = assistant(text(rng.choice((20, 300)), rng))
                self.histories[at] = [*self.histories[at], answer, user(question)]
        return chat(messages, self.models[number], **members)

    def step(self) -> None:
        rng = self.rng
        self.now_seconds += rng.choice((0.1, 1, 20, 400))
        if rng.random() < 0.6 or not self.waiting:
            body = self.body()
            pending, served = (
                self.process.send(body, self.now_seconds),
                self.provider.read(body, self.now_seconds),
            )
            self.provider.write(served, self.now_seconds)  # long before the answer arrives
            self.waiting.append((self.now_seconds, pending, served))
        while len(self.waiting) > 6 or (self.waiting and rng.random() < 0.7):
            _, pending, served = self.waiting.pop(rng.randrange(len(self.waiting)))
            if rng.random() < 0.1:
                pending._examination.close()  # nobody waited for it
                continue
            pending.answered(self.now_seconds)
            reason = pending.report(served.usage).diagnosis.reason
            self.said.append(reason and reason.value)


@pytest.mark.parametrize("seed", range(12))
def test_one_process_never_takes_its_own_requests_for_those_of_others(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    proven: list[object] = []
    monkeypatch.setattr(PrefixIndex, "share", lambda *arguments: proven.append(arguments))
    monkeypatch.setattr(index_module, "MAX_PROMPTS", 512 if seed % 3 == 0 else 6)
    monkeypatch.setattr(piece_store, "MAX_PIECES", 49_152 if seed % 2 else 120)
    world = World(Random(seed))  # noqa: S311  # a test must be repeatable
    for _ in range(250):
        world.step()
    assert len(world.said) > 100
    assert "unseen" not in world.said
    assert not proven
