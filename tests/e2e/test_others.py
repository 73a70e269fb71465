"""Another process uses the same cache: what one process says about losses that it cannot explain on its own."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator

import pytest
from benchmarks.fleet.figures import figures
from benchmarks.fleet.memories import MEMORIES
from benchmarks.fleet.run import run
from benchmarks.fleet.scenarios import SCENARIOS
from openai import OpenAI

from otel_promptcache.sim import Simulator
from tests.conftest import Telemetry
from tests.unit.prompts import Body, Watched, chat, prose, system, user

RULES = system(prose(3_000))
HI, HO = user("Hi there."), user("Hello.")


@pytest.fixture
def watched(simulator: Simulator, telemetry: Telemetry) -> Iterator[Watched]:
    telemetry.instrument(prices={"gpt-4o": {"input": 4.0, "cache_read": 0.4}})
    with OpenAI(base_url=simulator.base_url, api_key="key", max_retries=1) as client:
        yield Watched(client, simulator, telemetry)


def elsewhere(simulator: Simulator, body: Body) -> None:
    """Send a request as another process would."""
    request = urllib.request.Request(  # noqa: S310  # on loopback
        f"{simulator.base_url}/chat/completions",
        json.dumps(body).encode(),
        {"Authorization": "Bearer key", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310  # likewise
        assert answer.status == 200


def test_a_loss_that_others_may_have_caused_is_blamed_on_nobody(watched: Watched) -> None:
    elsewhere(watched.simulator, chat(RULES, HI))
    assert watched.send(chat(RULES, HO)).result == "hit"
    watched.simulator.inject("miss")
    seen = watched.send(chat(RULES, user("And?")))
    assert (seen.result, seen.reason, seen.place) == ("miss", "unseen", (None, None))
    assert seen.attributes["promptcache.miss.source"] == "client"
    assert seen.missed_tokens == pytest.approx(3_000, abs=200)
    assert seen.attributes["promptcache.missed_savings.amount"] > 0.01
    assert watched.telemetry.total("promptcache.misses", promptcache__miss__reason="unseen") == 1


def test_alone_it_is_the_providers(watched: Watched) -> None:
    watched.send(chat(RULES, HI))
    watched.send(chat(RULES, HO))
    watched.simulator.inject("miss")
    assert watched.send(chat(RULES, user("And?"))).reason == "provider"


def test_its_own_attempt_that_was_lost_is_nobody_elses(watched: Watched) -> None:
    watched.simulator.inject("drop_mid_stream")
    assert watched.send(chat(RULES, HI)).result == "hit"
    watched.simulator.inject("miss")
    assert watched.send(chat(RULES, HO)).reason == "provider"


def test_each_span_says_whose_requests_are_known(watched: Watched) -> None:
    for body in (chat(RULES, HI), chat(user("Short.")), chat(RULES, HI, model="gpt-4")):
        assert watched.send(body).attributes["promptcache.history"] == "process"


@pytest.mark.parametrize("name", ["i stable prefix, other tails", "vii above the rate"])
def test_a_fleet_is_hardly_ever_told_what_its_processes_cannot_know(name: str) -> None:
    scenario = next(each for each in SCENARIOS if each.name == name)
    alone, together = (figures(list(run(scenario, number, 0, MEMORIES["process"]()))) for number in (1, 8))
    assert (alone.wrong, alone.unseen, alone.blind_hits, alone.blamed) == (0, 0, 0, 0)
    assert together.lost >= 18
    assert together.unseen >= 0.7 * together.lost
    assert together.blamed == 0
