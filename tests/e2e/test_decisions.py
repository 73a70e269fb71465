"""Decisions are inferences, too: their prompts are cached like those of responses."""

from __future__ import annotations

from typing import Any

from openai import OpenAI

from otel_promptcache.sim import Simulator
from tests.conftest import Telemetry
from tests.unit.prompts import prose

QUESTIONS = [
    {"type": "predicate", "name": name, "question": f"Is it about {name}?"} for name in ("refunds", "orders")
]


def test_a_decision_is_observed_and_its_miss_explained(simulator: Simulator, telemetry: Telemetry) -> None:
    telemetry.instrument(prices={"gpt-5.4": {"input": 4.0, "cache_read": 0.4}})

    def decide(text: str, questions: list[dict[str, Any]]) -> dict[str, Any]:
        body = {"model": "gpt-5.4", "input": text, "questions": questions}
        client.post("/decisions", cast_to=object, body=body)
        return dict(telemetry.spans[-1].attributes or {})

    document = prose(3_000)
    with OpenAI(base_url=simulator.base_url, api_key="key", max_retries=0) as client:
        told = [
            decide(document, QUESTIONS),
            decide(document, QUESTIONS[::-1]),
            decide("It is 9:30.\n" + document, QUESTIONS),
            decide("It is 9:31.\n" + document, QUESTIONS),
        ]
    assert [each["promptcache.result"] for each in told] == ["miss", "hit", "miss", "miss"]
    assert told[0]["promptcache.miss.reason"] == "cold_start"
    assert told[3]["promptcache.miss.reason"] == "input_changed"
    assert (told[3]["promptcache.divergence.path"], told[3]["promptcache.divergence.kind"]) == (
        "input",
        "timestamp",
    )
    assert "openai.api.type" not in told[0]
    assert telemetry.total("promptcache.requests") == 4
    assert telemetry.total("promptcache.unpriced") == 0


def test_a_decision_has_no_list_price(simulator: Simulator, telemetry: Telemetry) -> None:
    telemetry.instrument()
    body = {"model": "gpt-5.4", "input": prose(3_000), "questions": QUESTIONS}
    with OpenAI(base_url=simulator.base_url, api_key="key", max_retries=0) as client:
        client.post("/decisions", cast_to=object, body=body)
    assert telemetry.total("promptcache.unpriced") == 1
