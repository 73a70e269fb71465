"""The demo's numbers come from the metrics and match what the provider recorded."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from otel_promptcache import PromptCacheInstrumentor
from otel_promptcache.demo.run import Outcome, local_provider, run_demo
from otel_promptcache.demo.summary import Summary
from otel_promptcache.demo.tables import closing_view
from otel_promptcache.demo.telemetry import observed
from otel_promptcache.report.rendering.terminal import findings_view
from otel_promptcache.report.rendering.wording import NOT_KNOWN
from otel_promptcache.sim import RecordedRequest
from otel_promptcache.sim.workloads import DEPLOYMENTS, WORKLOADS, Workload
from tests.conftest import Telemetry

README = Path(__file__).parents[2] / "README.md"
has_prices = importlib.util.find_spec("genai_prices") is not None


@dataclass(frozen=True)
class Run:
    outcome: Outcome
    requests: tuple[RecordedRequest, ...]


@pytest.fixture(scope="module")
def demo_run() -> Iterator[Run]:
    with local_provider(1, seed=3) as provider:
        outcome = run_demo(provider, Console(quiet=True), seconds=1, seed=3, live=False)
        yield Run(outcome, provider.requests)


def recorded_tokens(requests: tuple[RecordedRequest, ...]) -> dict[str, Counter[str]]:
    """The tokens that the provider reported, by model; each application has its own."""
    tokens: dict[str, Counter[str]] = defaultdict(Counter[str])
    for request in requests:
        usage = request.usage or {}
        if request.path.endswith("/messages"):
            read, write = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
            states = {"read": read, "write": write, "uncached": usage["input_tokens"]}
            tokens[request.body["model"]].update(states)
            continue
        details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
        if details is None:
            continue
        read, write = details["cached_tokens"], details.get("cache_write_tokens")
        total = usage.get("prompt_tokens", usage.get("input_tokens"))
        states = {"read": read, "uncached": total - read - (write or 0)}
        tokens[request.body["model"]].update(states if write is None else {**states, "write": write})
    return tokens


def model_of(workload: Workload) -> str:
    (model,) = {arguments["model"] for arguments in workload.requests()}
    return model


def test_every_application_has_a_model_of_its_own() -> None:
    assert len({model_of(workload) for workload in WORKLOADS}) == len(WORKLOADS)


def test_the_demo_says_what_the_provider_recorded(demo_run: Run) -> None:
    summary, recorded = demo_run.outcome.summary, recorded_tokens(demo_run.requests)
    by_model = Counter(request.body["model"] for request in demo_run.requests)
    for workload in WORKLOADS:
        row = summary.template(workload.name)
        assert row.requests == by_model[model_of(workload)] == len(list(workload.requests(3)))
        assert dict(row.tokens) == dict(recorded.get(model_of(workload), {})), workload.name
    assert {request.status_code for request in demo_run.requests} == {200}
    assert not demo_run.outcome.was_interrupted


def test_the_closing_table_shows_these_numbers(demo_run: Run) -> None:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(closing_view(demo_run.outcome.summary, 80))
    lines = capture.get().splitlines()
    recorded = recorded_tokens(demo_run.requests)
    for workload in WORKLOADS:
        (line,) = (line for line in lines if re.match(rf"{workload.name} +\d", line))
        tokens = recorded.get(model_of(workload), {})
        shown = [
            f"{tokens[state]:,}" if state in tokens else NOT_KNOWN for state in ("read", "write", "uncached")
        ]
        assert line.split()[3:6] == shown
    (total,) = (line for line in lines if line.startswith("total"))
    sums = sum(recorded.values(), Counter())
    assert total.split()[1] == str(len(demo_run.requests))
    assert total.split()[3:6] == [f"{sums[state]:,}" for state in ("read", "write", "uncached")]


def steady(table: list[str]) -> list[str]:
    """What is the same in each run: no times, and not the one hit of `tenant-mail`, which depends on them."""
    return [line[:63] for line in table if not line.startswith(("tenant-mail", "total"))]


@pytest.mark.skipif(not has_prices, reason="no price list on this Python")
def test_the_readme_shows_what_the_demo_prints() -> None:
    table, finding = re.findall(r"```text\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    with local_provider(1, seed=0) as provider:
        outcome = run_demo(provider, Console(quiet=True), seconds=1, seed=0, live=False)
    console = Console(width=80)
    with console.capture() as capture:
        console.print(closing_view(outcome.summary, 80), findings_view(outcome.findings, 4))
    printed = [line.rstrip() for line in capture.get().splitlines()]
    assert steady(table.splitlines()) == steady(printed[: table.count("\n")])
    assert finding in "\n".join([*printed, ""])


def test_good_habits_hit_and_flaws_show(demo_run: Run) -> None:
    summary = demo_run.outcome.summary
    ratios = {workload.name: summary.template(workload.name).hit_ratio for workload in WORKLOADS}
    assert ratios["support-bot"] > 0.85
    assert ratios["coding-agent"] > 0.8
    assert 0.2 < ratios["rag-search"] < 0.5
    assert ratios["daily-digest"] == ratios["classifier"] == ratios["memo-writer"] == 0
    assert ratios["tool-shuffler"] < 0.1
    assert ratios["tenant-mail"] < 0.25
    assert ratios["chat-widget"] is None
    assert set(summary.template("classifier").results) == {"ineligible"}
    assert set(summary.template("chat-widget").results) == {"unknown"}
    assert summary.internal_errors == 0


@pytest.mark.skipif(not has_prices, reason="genai-prices is not there for this Python")
def test_dollars_are_priced_wherever_usage_was_reported(demo_run: Run) -> None:
    summary = demo_run.outcome.summary
    assert summary.unpriced == summary.template("chat-widget").requests
    assert summary.template("coding-agent").net_savings_usd > 0
    assert summary.template("tenant-mail").net_savings_usd < 0


def test_it_replaces_an_instrumentation_that_is_there_already(telemetry: Telemetry) -> None:
    telemetry.instrument()
    with observed() as seen:
        assert seen.summary() == Summary({}, unpriced=0, internal_errors=0)
    assert not PromptCacheInstrumentor().is_instrumented_by_opentelemetry


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_a_seed_decides_about_all_requests(workload: Workload) -> None:
    assert list(workload.requests(1)) == list(workload.requests(1)) != list(workload.requests(2))


def test_deployments_are_those_of_the_azure_applications() -> None:
    assert set(DEPLOYMENTS) == {model_of(one) for one in WORKLOADS if one.client == "azure"}
