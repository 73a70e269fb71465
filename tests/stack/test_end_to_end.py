"""A timestamp enters a template's system prompt: the right alert fires, says so, and resolves after the fix.

All parts are real: the SDK, OTLP over HTTP, the receiver, Prometheus, Alertmanager and its webhook. Hours are
compressed into seconds by configuration: windows, waits and thresholds are options of the rules.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple, final

import pytest
import yaml
from openai import DefaultHttpxClient, OpenAI

from otel_promptcache import prefix
from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.render import render_rules
from otel_promptcache.sim import SimConfig, Simulator
from otel_promptcache.sim.cache.tokens import filler_text
from tests.stack.services import alertmanager, free_port, prometheus, receiver
from tests.stack.telemetry import JOB, instrumented, otlp_reader
from tests.stack.webhook import Notice, Webhook

COMPRESSED = MixinConfig(
    evaluation_seconds=1,
    fast_window_seconds=4,
    slow_window_seconds=12,
    warm_up_seconds=6,
    calm_seconds=3,
    recent_seconds=60,
    min_recent_seconds=15,
    min_requests_slow=15,
    variants_per_hour=3600,
    objective_seconds=30,
    writes_seconds=30,
    absent_seconds=20,
)
"""An hour is 12 seconds, five minutes are 4, a warm-up is 6, a day a minute."""

HEALTHY_SECONDS, FIRES_WITHIN, RESOLVES_WITHIN = 42.0, 45.0, 60.0
PAUSE_SECONDS = 0.12
BROKEN, SOUND, QUIET = "support-bot", "faq-bot", "night-report"
DROPPED, UNSTABLE = "PromptCacheHitRatioDropped", "PromptCachePrefixUnstable"
SYMPTOMS = {"PromptCacheDollarsLost", "PromptCacheHitRatioBelowObjective"}


@final
class Application:
    """Sends a template's requests until it is told to stop; a timestamp can be put into its system prompt."""

    def __init__(
        self, base_url: str, name: str, pause_seconds: float, *, has_timestamp: bool = False
    ) -> None:
        self.has_timestamp = has_timestamp
        self._name, self._pause_seconds = name, pause_seconds
        self._client = OpenAI(
            base_url=base_url, api_key="any", http_client=DefaultHttpxClient(trust_env=False)
        )
        self._guide = f"You are {name}.\n\n{filler_text(1_800, name)}"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Application:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._stop.wait(self._pause_seconds):
            now = f"Current time: {datetime.now(timezone.utc).isoformat()}\n\n" if self.has_timestamp else ""
            with prefix(self._name):
                self._client.chat.completions.create(
                    model="gpt-4.1",
                    messages=[
                        {"role": "system", "content": now + self._guide},
                        {"role": "user", "content": "Where is my order?"},
                    ],
                )


class Story(NamedTuple):
    before: list[Notice]
    fired: Notice
    while_broken: list[Notice]
    resolved: Notice
    all: list[Notice]


def alertmanager_config(folder: Path, webhook: Webhook) -> Path:
    """Return the shipped configuration, with its waits compressed and its notifications sent to the webhook."""
    shipped = Path(__file__).parents[2] / "examples" / "grafana" / "alertmanager.yaml"
    config: dict[str, Any] = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    config["route"] |= {"group_wait": "4s", "group_interval": "1s"}
    for one in config["receivers"]:
        one["webhook_configs"][0]["url"] = f"{webhook.url}/{one['name']}"
    file = folder / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("alerts")
    rules: list[Path] = []
    for name, text in render_rules(COMPRESSED).items():
        if name.startswith("prometheus/"):
            rules.append(folder / Path(name).name)
            rules[-1].write_text(text, encoding="utf-8")
    config = SimConfig(overflow_requests_per_minute=None, prefill_seconds_per_1k_tokens=0.002)
    port = free_port()
    with ExitStack() as stack:
        webhook = stack.enter_context(Webhook())
        stack.enter_context(alertmanager(folder, alertmanager_config(folder, webhook), port))
        server = stack.enter_context(prometheus(folder, rule_files=rules, alertmanager=f"127.0.0.1:{port}"))
        agent = stack.enter_context(receiver(folder, server.url))
        provider = stack.enter_context(Simulator(config))
        stack.enter_context(instrumented(otlp_reader(agent.url, seconds=0.5)))
        broken, *_ = (
            stack.enter_context(Application(provider.base_url, name, pause, has_timestamp=timestamp))
            for name, pause, timestamp in (
                (BROKEN, PAUSE_SECONDS, False),
                (SOUND, PAUSE_SECONDS, False),
                (QUIET, 3.0, True),  # flawed, but with too little traffic for an alert
            )
        )
        time.sleep(HEALTHY_SECONDS / 2)
        provider.evict()  # as a deploy would reset the cache
        time.sleep(HEALTHY_SECONDS / 2)
        before = webhook.notices
        broken.has_timestamp = True
        fired = webhook.wait_for(DROPPED, "firing", FIRES_WITHIN)
        webhook.wait_for(UNSTABLE, "firing", FIRES_WITHIN)
        while_broken = webhook.notices
        broken.has_timestamp = False
        resolved = webhook.wait_for(DROPPED, "resolved", RESOLVES_WITHIN)
        webhook.wait_for(UNSTABLE, "resolved", RESOLVES_WITHIN)
        yield Story(before, fired, while_broken, resolved, webhook.notices)


def test_a_sound_template_and_a_reset_cache_alert_nobody(story: Story) -> None:
    assert story.before == []


def test_one_thing_pages_and_it_is_the_right_one(story: Story) -> None:
    pages = {(one.name, one.labels["template"]) for one in story.while_broken if one.receiver == "pager"}
    assert pages == {(DROPPED, BROKEN)}


def test_the_page_says_what_where_and_how_much(story: Story) -> None:
    assert story.fired.labels == {
        "alertname": DROPPED, "job": JOB, "template": BROKEN, "severity": "critical",
    }  # fmt: skip
    texts = story.fired.annotations
    assert texts["summary"] == f"The prompt cache hit ratio of {BROKEN} in {JOB} has dropped."
    now, usual = (
        float(word.rstrip("%;")) for word in texts["description"].split() if word.rstrip(";").endswith("%")
    )
    assert now < 60
    assert 90 < usual <= 100
    assert texts["runbook_url"].endswith("/hit-ratio-dropped.md")


def test_the_cause_is_reported_beside_it(story: Story) -> None:
    tickets = {one.name for one in story.while_broken if one.receiver == "tickets"}
    assert UNSTABLE in tickets
    assert tickets <= {UNSTABLE} | SYMPTOMS


def test_nothing_is_said_about_other_templates(story: Story) -> None:
    assert {one.labels["template"] for one in story.all} == {BROKEN}


def test_it_resolves_after_the_fix(story: Story) -> None:
    assert story.resolved.labels == story.fired.labels
    statuses = [one.status for one in story.all if one.receiver == "pager"]
    assert statuses == ["firing", "resolved"]
