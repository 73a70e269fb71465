"""What annotations mark: a changed prompt, but not a restart with the same one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from otel_promptcache.mixin.boards.events import prompt_changes
from otel_promptcache.mixin.config import MixinConfig
from tests.stack.promtool import run
from tests.stack.scenarios import JOB

TEMPLATE = "support-bot"


class Case(NamedTuple):
    name: str
    hashes: dict[str, str]
    """The smallest hash that each process reports, one value per minute."""
    variants: str
    """How many new variants the first process has counted."""
    is_marked: bool


CASES = [
    Case("nothing changes", {"a": "700x60"}, "1x60", is_marked=False),
    Case("a restart with the same prompt", {"a": "700x40", "b": "_x40 700x20"}, "1x40", is_marked=False),
    Case("another prompt with a smaller hash", {"a": "700x40", "b": "_x40 300x20"}, "1x40", is_marked=True),
    Case("another prompt with a larger hash", {"a": "700x40", "b": "_x40 900x20"}, "1x40", is_marked=True),
    Case("a template that is new", {"a": "_x50 700x10"}, "_x50 1x10", is_marked=False),
    Case(
        "a change longer ago than a cache warms up",
        {"a": "700x20", "b": "_x20 300x40"},
        "1x20",
        is_marked=False,
    ),
    Case("a prefix that changes all the time", {"a": "700x40 300x20"}, "1+2x60", is_marked=False),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_another_prompt_is_marked(case: Case, promtool: str, tmp_path: Path) -> None:
    config = MixinConfig()

    def series(metric: str, instance: str, values: str) -> dict[str, str]:
        labels = f'job="{JOB}",instance="{instance}",promptcache_prefix_name="{TEMPLATE}"'
        return {"series": f"promptcache_{metric}{{{labels}}}", "values": values}

    requests = [
        series("requests_total", instance, re.sub(r"\d+x", "1+1x", values))
        for instance, values in case.hashes.items()
    ]
    hashes = [series("prefix_minhash", instance, values) for instance, values in case.hashes.items()]
    marked = re.sub(r"\$\w+", ".*", prompt_changes(config).expr)
    test = {
        "interval": "1m",
        "input_series": [*requests, *hashes, series("prefix_variants_total", "a", case.variants)],
        "promql_expr_test": [
            {
                "expr": f"count({marked})",
                "eval_time": "52m",
                "exp_samples": [{"value": 1}] if case.is_marked else [],
            }
        ],
    }
    run(promtool, tmp_path, config, [test])
