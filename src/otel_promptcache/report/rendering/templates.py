"""How people recognise a prompt template, especially one that the application did not name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from otel_promptcache.core.quoting import cut
from otel_promptcache.report.reading.summary import TemplateRow
from otel_promptcache.report.report import Report

_APIS = {
    "chat_completions": "Chat Completions",
    "responses": "Responses",
    "messages": "Messages",
}
_MAX_CHARS = 60


def origin(row: TemplateRow) -> str:
    """Which model, which API and which line of the application: `gpt-4.1 · Responses · svc.py:21`."""
    apis = tuple(_APIS.get(api, api) for api in row.apis)
    return " · ".join(filter(None, map(_most_frequent, (row.models, apis, row.call_sites))))


def unnamed_origins(report: Report) -> Mapping[str, str]:
    """Where templates without a name come from."""
    return {row.template: origin(row) for row in report.rows if not row.is_named}


def _most_frequent(values: Sequence[str]) -> str:
    """The first one, and how many others there are; empty if there is none."""
    if not values:
        return ""
    others = f" +{len(values) - 1}" if len(values) > 1 else ""
    return f"{cut(values[0], _MAX_CHARS)}{others}"
