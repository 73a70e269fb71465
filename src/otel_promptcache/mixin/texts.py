"""Validates the texts that go into PromQL, YAML, addresses and Grafana's JSON; each check says what is allowed."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from otel_promptcache.mixin.matchers import LABEL

_UID = re.compile(r"[a-zA-Z0-9_-]{1,40}")
# What RFC 3986 allows in a host and a path, except what has a meaning in Markdown, templates or Grafana's variables.
_ADDRESS = re.compile(r"https?://[a-zA-Z0-9.\[\]:_-]+(?:/[a-zA-Z0-9._~%!&*+,;=:@/-]*)?")
_OWN_LABELS = frozenset(
    {"job", "instance", "template", "le", "season", "minhash", "service_version", "error_type"}
)
_ALERT_LABELS = frozenset({"alertname", "alertstate", "severity", "grafana_folder"})
_NUMBERS_OF_PROMQL = frozenset({"inf", "nan"})
_MAX_TITLE = 189


def check_label(label: str) -> None:
    """Raise a ValueError unless rules can keep a label in addition to their own."""
    if not LABEL.fullmatch(label):
        raise ValueError(f"{label!r} is not a label: use letters, digits and underscores, as in cluster")
    if label.startswith("__") or label.lower() in _NUMBERS_OF_PROMQL:
        raise ValueError(f"{label!r} has a special meaning in Prometheus; use a label such as cluster")
    if label in _OWN_LABELS | _ALERT_LABELS or label.startswith(("promptcache_", "gen_ai_")):
        raise ValueError(f"{label!r} is set by the rules themselves; use a different label, such as cluster")


def check_uid(uid: str) -> None:
    """Raise a ValueError unless Grafana accepts it as a UID."""
    if not _UID.fullmatch(uid):
        raise ValueError("a Grafana UID has 1 to 40 letters, digits, hyphens and underscores")


def check_address(address: str) -> None:
    """Raise a ValueError unless it is an address that a path can be appended to."""
    if not _ADDRESS.fullmatch(address) or not _has_host(address):
        raise ValueError(
            "must be a URL such as https://example.org/path, without a query, a fragment or brackets"
        )


def _has_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def check_title(title: str) -> None:
    """Raise a ValueError unless Grafana accepts it as the title of a folder."""
    if not title.strip() or title != title.strip() or not title.isprintable() or len(title) > _MAX_TITLE:
        raise ValueError(
            f"a folder title must have 1 to {_MAX_TITLE} printable characters, and no leading or trailing space"
        )
    if "/" in title or "$" in title:
        raise ValueError("a folder title must not contain / or $, which are special in Grafana")
