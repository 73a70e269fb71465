"""What is known about a provider is in its row: no other code distinguishes providers by their names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import otel_promptcache
from otel_promptcache.providers.profiles import OTHER, PROFILES, SELF_HOSTED

PACKAGE = Path(otel_promptcache.__file__).parent
NAMES = {OTHER, *(profile.name for profile in (*PROFILES, *SELF_HOSTED))}

FREE = {"providers", "wire", "sim", "demo"}
"""Rows, wire formats, and the code that plays OpenAI."""
IMPORTED = {
    ("cli.py", "openai"),
    ("report/observing/bootstrap/sitecustomize.py", "anthropic"),
    ("error_names.py", "_OTHER"),
    ("error_names.py", "anthropic"),
    ("error_names.py", "openai"),
    ("report/observing/bootstrap/sitecustomize.py", "openai"),
    ("report/observing/call_site.py", "anthropic"),
    ("report/observing/call_site.py", "openai"),
    ("sdk/sdks.py", "anthropic"),
    ("sdk/sdks.py", "openai"),
}
"""Places where a name is that of the SDK's Python package, or of an error that has none."""


def names_in(source: str) -> Iterator[str]:
    """The string literals of a program that are a provider's name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in NAMES:
            yield node.value


def test_only_rows_and_wire_formats_name_a_provider() -> None:
    found = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in FREE
        for name in names_in(path.read_text(encoding="utf-8"))
    }
    assert found == IMPORTED


def test_a_name_would_be_found() -> None:
    source = 'def price(provider):\n    """Of openai."""\n    return {"x_ai": 1}.get(provider or "openai")\n'
    assert sorted(names_in(source)) == ["openai", "x_ai"]
