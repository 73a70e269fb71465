"""Runs of several processes: what none of them could know by itself is judged over all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

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
    """Run so many processes of a program at once."""
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
    assert losses.get("provider", 0) <= 15  # of the first quarter of a minute's worth
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


def test_the_spool_tells_no_key_and_no_text(programs: Programs) -> None:
    programs.write(f"{ASK}\nask(prompt_cache_key='secret-customer')", "child.py")
    copy = """
import shutil, subprocess, sys, os
subprocess.run([sys.executable, "child.py"], check=True)
shutil.copytree(os.environ["OTEL_PROMPTCACHE_RUN_DIRECTORY"], "spool")
"""
    assert programs.reported(copy).code == 0
    lines = b"".join(file.read_bytes() for file in (programs.directory / "spool").iterdir())
    (record,) = [json.loads(line) for line in lines.splitlines() if line.startswith(b"{")]
    assert set(record["attributes"]) >= {"run.start", "run.parts"}
    assert all(len(record["attributes"][name]) == 24 for name in ("run.start", "run.parts"))
    assert b"secret" not in lines
    assert b"helpful" not in lines
