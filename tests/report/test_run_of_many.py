"""Runs of several processes: what none could know on its own is judged across all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_promptcache.sim import SimConfig, Simulator
from tests.report.programs import ASK, Done, Programs

CHILDREN = """
import subprocess, sys
children = [subprocess.Popen([sys.executable, "child.py", str(n)], env={**os.environ, **ENV(n)}) for n in range(COUNT)]
codes = [child.wait() for child in children]
assert codes == [0] * COUNT, codes
"""


def run_of(programs: Programs, child: str, count: int, environment: str = "{}") -> Done:
    """Run `count` processes of a program at the same time."""
    programs.write(child, "child.py")
    parent = CHILDREN.replace("COUNT", str(count)).replace("ENV(n)", environment)
    return programs.reported(f"import os{parent}")


@pytest.fixture
def overflowing(tmp_path: Path) -> Iterator[Programs]:
    config = SimConfig(prefill_seconds_per_1k_tokens=0, decode_seconds_per_token=0, unexplained_miss_rate=0.2)
    with Simulator(config) as simulator:
        yield Programs(tmp_path, simulator)


def test_the_rate_of_all_processes_is_told(overflowing: Programs) -> None:
    reported = run_of(overflowing, f"{ASK}\nfor n in range(12): ask()", 8)
    assert (reported.code, reported.requests, reported.report["run"]["processes"]) == (0, 96, 8)
    losses = {loss["reason"]: loss["requests"] for loss in reported.report["losses"]}
    assert losses.get("rate_overflow", 0) > 5
    assert losses.get("provider", 0) <= 15  # the first ones, within the rate of 15 a minute
    assert reported.report["run"]["corrected_reasons"] > 0
    assert "rate-overflow" in {finding["id"] for finding in reported.report["findings"]}


SHUFFLED = """
import os
from openai import OpenAI
client = OpenAI()
topics = {"refunds", "orders", "parcels", "claims", "returns", "invoices"}
rules = "".join(f"About {topic}: be kind, be short, and look up what the shop says of it. " * 40 for topic in ORDERED(topics))
for n in range(4):
    messages = [{"role": "system", "content": rules}, {"role": "user", "content": f"Question {n}"}]
    client.chat.completions.create(model="gpt-4.1", messages=messages)
"""


def test_an_order_that_differs_from_process_to_process_is_told_and_its_remedy_works(
    programs: Programs,
) -> None:
    seeds = "{'PYTHONHASHSEED': str(n + 1)}"
    flawed = run_of(programs, SHUFFLED.replace("ORDERED", "list"), 4, seeds).report
    found = {finding["id"]: finding for finding in flawed["findings"]}
    finding = found["order-differs-between-processes"]
    assert finding["requests"] == 16
    assert finding["lost_tokens"] > 3_000
    fixed = run_of(programs, SHUFFLED.replace("ORDERED", "sorted"), 4, seeds).report
    assert "order-differs-between-processes" not in {each["id"] for each in fixed["findings"]}
    assert len(fixed["templates"]) == 1 < len(flawed["templates"])


def test_an_order_that_differs_far_behind_the_start_is_told(programs: Programs) -> None:
    head = "HEAD = 'These rules hold for all of us. ' * 200\n"
    behind = SHUFFLED.replace('rules = "".join', 'rules = HEAD + "".join').replace("ORDERED", "list")
    seeds = "{'PYTHONHASHSEED': str(n + 1)}"
    report = run_of(programs, head + behind, 4, seeds).report
    assert len(report["templates"]) == 1
    assert "order-differs-between-processes" in {finding["id"] for finding in report["findings"]}


def spooled(
    programs: Programs, child: str, environments: list[dict[str, str]]
) -> tuple[list[dict[str, Any]], bytes]:
    """Run a program once in each environment, in one run; return the attributes of its calls and the whole spool."""
    programs.write(child, "child.py")
    parent = """
import json, os, shutil, subprocess, sys
for environment in json.load(open("environments.json")):
    subprocess.run([sys.executable, "child.py"], check=True, env={**os.environ, **environment})
shutil.copytree(os.environ["OTEL_PROMPTCACHE_RUN_DIRECTORY"], "spool")
"""
    programs.write(json.dumps(environments), "environments.json")
    assert programs.reported(parent).code == 0
    lines = b"".join(file.read_bytes() for file in (programs.directory / "spool").iterdir())
    records = [json.loads(line) for line in lines.splitlines() if line.startswith(b"{")]
    return [record["attributes"] for record in sorted(records, key=lambda each: each["start"])], lines


def test_the_spool_tells_no_key_and_no_text(programs: Programs) -> None:
    child = (
        f"{ASK}\nask(prompt_cache_key='secret-customer', extra_headers={{'session_id': 'secret-session'}})"
    )
    (attributes,), lines = spooled(programs, child, [{"OPENAI_API_KEY": "secret-key"}])
    assert set(attributes) >= {"run.start", "run.leading", "run.parts"}
    assert all(len(attributes[name]) == 24 for name in ("run.start", "run.leading", "run.parts"))
    assert attributes["run.is_cacheable"] is True
    assert attributes["run.lifetime_seconds"] == 300.0
    assert b"secret" not in lines
    assert b"helpful" not in lines


def test_the_account_and_the_settings_are_the_same_in_all_processes(programs: Programs) -> None:
    child = f"""{ASK}
ask(extra_headers={{"x-session-id": os.environ["SESSION"]}}, extra_body={{"cache_salt": os.environ["SALT"]}})
"""
    usual = {"OPENAI_API_KEY": "one", "SESSION": "one", "SALT": "one"}
    others = ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "SESSION", "SALT")
    environments = [usual, usual, *({**usual, name: "other"} for name in others)]
    seeded = [{**each, "PYTHONHASHSEED": str(seed)} for seed, each in enumerate(environments, start=1)]
    calls, _ = spooled(programs, child, seeded)
    starts = [call["run.start"] for call in calls]
    assert starts[0] == starts[1]
    assert len(set(starts)) == 1 + len(others)


def test_the_stated_policies_of_a_process_count(programs: Programs) -> None:
    policies = '{"gpt-4.1": {"minimum_tokens": 4000, "lifetime_seconds": 900, "max_requests_per_minute": 99}}'
    (attributes,), _ = spooled(programs, f"{ASK}\nask()", [{"OTEL_PYTHON_PROMPTCACHE_POLICIES": policies}])
    rules = ("run.is_cacheable", "run.lifetime_seconds", "run.max_requests_per_minute")
    assert [attributes[name] for name in rules] == [False, 900, 99]
