"""Runs to look at: what reports show in practice, at sizes that are hard to display well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from otel_promptcache.report.findings.finding import Finding
from otel_promptcache.report.reading.gather import Gathered
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.report import Report, build_report
from otel_promptcache.report.rules.rule import Cause, Rule
from otel_promptcache.report.rules.server import Server
from otel_promptcache.report.rules.snippets import Snippet
from tests.report.calls import call, gathered, miss

INELIGIBLE = {
    "result": "ineligible",
    "input_tokens": 310,
    "read_tokens": 0,
    "expected_tokens": None,
    "net_usd": 0.0,
}
SILENT = {
    "result": "unknown",
    "input_tokens": None,
    "read_tokens": None,
    "net_usd": None,
    "expected_tokens": None,
}
UNPRICED = {"net_usd": None, "missed_usd": None}

CLOCK = Rule(
    id="clock",
    title="A date or time in the instructions changes",
    what="There is a date or time in the instructions, before text that stays the same. Everything after it is "
    "processed again.",
    advice="Move it to the end of the input. If the day is precise enough, leave out the time of day.",
)
ORDER = Rule(
    id="order",
    title="The set of tools changes",
    what="Tools are added or left out from request to request.",
    advice="Send all tools every time, and say which may be used with `tool_choice`.",
    snippet=Snippet(
        chat="""\
tools=ALL_TOOLS,
tool_choice={"type": "allowed_tools", "allowed_tools": {
    "mode": "auto", "tools": [{"type": "function", "function": {"name": name}} for name in NAMES],
}}""",
    ),
)
ELSEWHERE = Rule(
    id="elsewhere",
    title="The provider did not read what it could have read",
    what="The prompt had not changed, its lifetime had not passed and the rate was low.",
    advice="An occasional miss is normal.",
    cause=Cause.PROVIDER,
)
"""The tests' own rules, so that the goldens do not change with the real advice."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A run and what is known about it."""

    calls: Sequence[CallRecord]
    known: Gathered

    def report(self) -> Report:
        """The report, with findings of the rules above."""
        report = build_report(self.calls)
        return replace(report, findings=tuple(_findings(report)))


def _findings(report: Report) -> Iterator[Finding]:
    lossy = sorted(report.rows, key=lambda row: -(row.lost_tokens or 0))
    for rule, row in zip((CLOCK, ORDER, ELSEWHERE), (row for row in lossy if row.lost_tokens), strict=False):
        yield Finding(
            rule=rule,
            template=row.template,
            requests=row.results.get("miss", 0),
            of_requests=row.answered,
            evidence=f"This happened in {row.results.get('miss', 0):,} of {row.answered:,} requests.",
            lost_usd=row.lost_usd,
            lost_tokens=row.lost_tokens,
            server=Server(provider="openai", host="api.openai.com", format="chat_completions"),
        )


def nine_applications() -> Scenario:
    """The demo's applications, over half an hour."""
    calls = [
        *_steady(180, 10, name="support-bot", first_token_seconds=0.31),
        *_steady(150, 12, name="coding-agent", api_type="responses", model="gpt-5.6", input_tokens=22_000, read_tokens=20_480, write_tokens=900),
        *_steady(90, 20, name="rag-search", model="gpt-4.1-mini", input_tokens=6_000, read_tokens=3_840),
        *_misses(60, 30, name="daily-digest", api_type="responses", path="instructions", kind="timestamp", first_token_seconds=1.24),
        *_misses(80, 22, reason="tools_changed", name="tool-shuffler", path="tools[1]", kind="reordered", missed_tokens=1500),
        *_misses(150, 12, reason="prompt_cache_key_changed", name="tenant-mail", api_type="responses", missed_tokens=900),
        *_steady(40, 45, name="memo-writer", net_usd=0.0, model="claude-haiku-4-5", provider="anthropic", api_type=None, result="miss", read_tokens=0, reason="caching_disabled", missed_tokens=2000, missed_usd=0.0018),
        *_steady(120, 15, name="classifier", **INELIGIBLE),
        *_steady(60, 30, name="chat-widget", is_stream=True, **SILENT),
    ]  # fmt: skip
    return Scenario(calls, gathered(*calls))


def one_template() -> Scenario:
    """A script with a single call site and no template names."""
    calls = [
        *_steady(1, 1, **_unnamed(0), result="miss", read_tokens=0, reason="cold_start", net_usd=0.0),
        *_steady(11, 2, **_unnamed(0), first_token_seconds=0.21),
    ]
    return Scenario(calls, gathered(*calls))


def sixty_templates() -> Scenario:
    """A large application; half of its templates have no name."""
    calls: list[CallRecord] = []
    for n in range(60):
        told: dict[str, Any] = _unnamed(n) if n % 2 else {"name": f"agents.planner.step-{n:02d}.system"}
        kind = _misses if n % 7 == 0 else _steady
        calls += kind(4 + n, 20, **told)
    return Scenario(calls, gathered(*calls))


def all_misses() -> Scenario:
    """No request reads anything."""
    calls = _misses(
        80, 9, name="daily-digest", path="instructions", kind="timestamp", first_token_seconds=1.2
    )
    return Scenario(calls, gathered(*calls))


def all_ineligible() -> Scenario:
    """Prompts that are not cacheable."""
    calls = [*_steady(40, 5, name="classifier", **INELIGIBLE), *_steady(20, 5, **_unnamed(3), **INELIGIBLE)]
    return Scenario(calls, gathered(*calls))


def unpriced_models() -> Scenario:
    """Custom models without a known price."""
    calls = [
        *_steady(50, 6, name="summariser", model="qwen3-32b-awq", **UNPRICED),
        *_misses(30, 10, name="router", model="our-finetune-v7", **UNPRICED),
    ]
    return Scenario(calls, gathered(*calls))


def fleet() -> Scenario:
    """Forty workers with the same three templates."""
    calls = [
        replace(each, process=n % 40)
        for name, times in (("answers", 900), ("plans", 300), ("reviews", 40))
        for n, each in enumerate(
            _steady(times, 1.5, name=name) if name != "plans" else _misses(times, 3, name=name)
        )
    ]
    known = gathered(*calls, processes=40, dropped=12, notes=("not observed: openai 1.30 is too old",))
    return Scenario(calls, known)


def long_names() -> Scenario:
    """Very long names and models, and a name that is wider than its number of characters."""
    arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/k3j5h7g9f1d2"
    calls = [
        *_steady(12_345, 0.2, name="customer_success.renewal_risk.explain_score_to_account_manager.v12", input_tokens=9_000, read_tokens=8_192),
        *_misses(20, 60, **_unnamed(5), model=arn, provider="aws.bedrock", api_type=None, write_tokens=1_700, missed_usd=1234.5),
        *_steady(9, 100, name="日本語のカスタマーサポート用プロンプトテンプレート"),
    ]  # fmt: skip
    return Scenario(calls, gathered(*calls))


SCENARIOS: Mapping[str, Callable[[], Scenario]] = {
    make.__name__.replace("_", "-"): make
    for make in (
        nine_applications, one_template, sixty_templates, all_misses, all_ineligible, unpriced_models, fleet, long_names
    )
}  # fmt: skip


def _steady(times: int, every_seconds: float, **fields: Any) -> list[CallRecord]:
    return [call(n * every_seconds, **fields) for n in range(times)]


def _misses(
    times: int, every_seconds: float, *, reason: str = "input_changed", **fields: Any
) -> list[CallRecord]:
    return [miss(n * every_seconds, reason, **fields) for n in range(times)]


def _unnamed(n: int) -> dict[str, Any]:
    return {
        "name": None,
        "fingerprint": f"{(n + 1) * 0x9E3779B97F4A7C15 % 2**64:016x}",
        "call_site": f"svc.py:{21 + n}",
    }
