"""Unusual settings that are allowed, for which every file must be valid, and settings that are refused."""

from __future__ import annotations

from typing import Any

from otel_promptcache.mixin.config import DAY, HOUR, MINUTE, WEEK, MixinConfig, NameScheme, Temporality

SELECTORS = [
    'env="prod"',
    "env='prod'",
    "env=`prod`",
    ' env != "prod" , cluster =~ "eu-.*" ',
    'env="a,b}",team!="x"',
    r'env="say \"yes\"",path="C:\\dir"',
    r'env="\u00e9\x41\101\n"',
    'team="søk: #1 & more"',
    r'env=~"a\\.b|[[:alpha:]\\d_-]{2,3}?|(?i:prod)"',
    r"env=~`\d+\pL\p{Greek}\Qa*b\E(?P<n>x)$`",
    'env=""',
    'env=~".*",env!~"test|"',
    'on="x",by="y",inf="z",label_replace="w"',
]
"""Valid label matchers of PromQL."""

REFUSED_SELECTORS = [
    "env=prod",
    'env="prod',
    'env="prod" cluster="eu"',
    'env="prod",,cluster="eu"',
    'env="prod",',
    ",",
    '{env="prod"}',
    'env=="prod"',
    'deployment.environment="prod"',
    '1env="prod"',
    '__name__="other"',
    r'env="\d"',
    r"""env="\'" """,
    r'env="\ud800"',
    'env=~"("',
    'env=~"a)"',
    'env=~"["',
    'env=~"[z-a]"',
    'env=~"[[:letter:]]"',
    'env=~"*"',
    'env=~"a**"',
    'env=~"a{1001}"',
    'env=~"(a{500}){3}"',
    'env=~"a{3,2}"',
    'env=~"(?=prod)"',
    'env=~"(?<!test)prod"',
    r"env=~`(a)\1`",
    r"env=~`\Z`",
    'env="a"} or on () vector(1) #',
    'env="prod"\n',
    'env="' + "x" * 5_000 + '"',
]
"""Selectors that Prometheus would refuse, or read as something other than matchers."""

ODD: dict[str, dict[str, Any]] = {
    "default": {},
    **{f"selector {selector}": {"selector": selector} for selector in SELECTORS},
    "labels": {"keep_labels": ("cluster", "env", "by", "Bool"), "selector": 'env="prod"'},
    "deltas without suffixes": {"temporality": Temporality.DELTA, "names": NameScheme.NO_SUFFIXES},
    "one odd second": {"evaluation_seconds": 1, "fast_window_seconds": 2, "slow_window_seconds": 3},
    "odd durations": {
        "evaluation_seconds": 37,
        "gap_seconds": 3_601,
        "warm_up_seconds": 61,
        "calm_seconds": 7,
    },
    "long steps": {
        "evaluation_seconds": 10 * MINUTE,
        "fast_window_seconds": HOUR,
        "slow_window_seconds": 3 * HOUR,
    },
    "a single season": {"seasons_seconds": (DAY,), "min_seasons": 1, "earlier_seconds": ()},
    "seasons": {"seasons_seconds": (DAY, WEEK, 2 * WEEK, 3 * WEEK), "season_width_seconds": HOUR},
    "a year": {"recent_seconds": 365 * DAY, "forget_seconds": 365 * DAY},
    "small and large numbers": {
        "lost_usd_per_hour": 1_234_567.891,
        "variants_per_hour": 1e-7,
        "drop_ratio": 1e-9,
        "objective_ratio": 0.125,
        "slow_hits_factor": 1e20,
        "min_written_tokens": 10**15,
    },
    "environment": {"environment_label": "env", "keep_labels": ("deployment_environment_name",)},
    "folder": {"folder": "Prömpt: {caching} # 'A'", "grafana_url": "https://g.example.org:3000/a/b/"},
    "addresses": {
        "runbooks": "http://[::1]:8080/wiki/~ops/run-books/",
        "datasource": "P1809F7CD0C75ACF3",
        "traces": "a-b_C",
    },
}
"""Settings that are allowed."""

REFUSED: list[dict[str, Any]] = [
    *({"selector": selector} for selector in REFUSED_SELECTORS),
    {"evaluation_seconds": 0},
    {"warm_up_seconds": 11 * 365 * DAY},
    {"drop_ratio": 1.5},
    {"drop_ratio": float("nan")},
    {"lost_usd_per_hour": float("inf")},
    {"objective_ratio": -0.1},
    {"variants_share": 2},
    {"seasons_seconds": (0,)},
    {"seasons_seconds": ()},
    {"seasons_seconds": (DAY, DAY)},
    {"keep_labels": ("no-label",)},
    {"keep_labels": ("cluster", "cluster")},
    {"keep_labels": ("job",)},
    {"keep_labels": ("template",)},
    {"keep_labels": ("severity",)},
    {"keep_labels": ("__name__",)},
    {"keep_labels": ("NaN",)},
    {"keep_labels": ("gen_ai_request_model",)},
    {"season_width_seconds": 2 * DAY},
    {"evaluation_seconds": 300, "fast_window_seconds": 300},
    {"slow_window_seconds": 300},
    {"gap_seconds": 7_200, "forget_seconds": 3_600},
    {"min_seasons": 4},
    {"min_recent_seconds": 2 * DAY},
    {"runbooks": ""},
    {"runbooks": "docs/runbooks"},
    {"runbooks": "javascript:alert(1)"},
    {"runbooks": "https://"},
    {"runbooks": "https://wiki/{{ .Labels }}"},
    {"runbooks": "https://wiki/a)b"},
    {"runbooks": "https://wiki/${job}"},
    {"runbooks": "https://wiki/page?id=3"},
    {"runbooks": "https://wiki:99999/"},
    {"runbooks": "https://wiki/a b\n"},
    {"grafana_url": "grafana.example.org"},
    {"grafana_url": "https://user:secret@grafana.example.org"},
    {"environment_label": "job"},
    {"environment_label": "deployment.environment.name"},
    {"folder": ""},
    {"folder": " Prompt caching"},
    {"folder": "team/caching"},
    {"folder": "a\nb"},
    {"folder": "$HOME"},
    {"datasource": ""},
    {"datasource": "${DS}"},
    {"datasource": "x" * 41},
    {"traces": "te mpo"},
]
"""Settings that are refused; the error names the last one of each."""


def odd(name: str) -> MixinConfig:
    """Return the settings with this name in `ODD`."""
    return MixinConfig(**ODD[name])
