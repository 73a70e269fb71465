"""An SDK is hooked when the application imports it, and never imported by us."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

PRELUDE = """
import logging, sys
logging.basicConfig(format="%(message)s")
import otel_promptcache

def is_hooked(package):
    base_client = sys.modules.get(f"{package}._base_client")
    return base_client is not None and hasattr(base_client.BaseClient._build_request, "_otel_promptcache")

def hooked():
    print(*[package for package in ("openai", "anthropic") if is_hooked(package)])

def hooks_of(method):
    count = 0
    while hasattr(method, "__wrapped__"):
        method, count = method.__wrapped__, count + 1
    return count
"""


def run(program: str) -> tuple[list[str], str]:
    """Run a program in its own process and return its lines of output and its log."""
    ran = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return ran.stdout.splitlines(), ran.stderr


def test_none_is_imported_for_its_own_sake() -> None:
    lines, _ = run("""
        otel_promptcache.instrument()
        print([package for package in ("openai", "anthropic", "httpx", "httpx2") if package in sys.modules])
    """)
    assert lines == ["[]"]


@pytest.mark.parametrize("package", ["openai", "anthropic"])
@pytest.mark.parametrize("statement", ["import {0}", "import {0}._base_client", "from {0}.types import *"])
def test_it_is_hooked_when_it_is_imported_in_whatever_way(package: str, statement: str) -> None:
    lines, log = run(f"""
        otel_promptcache.instrument()
        {statement.format(package)}
        hooked()
        otel_promptcache.uninstrument()
        hooked()
    """)
    assert (lines, log) == ([package, ""], "")


def test_or_at_once_if_it_was_imported_before() -> None:
    lines, _ = run("""
        import openai
        otel_promptcache.instrument()
        hooked()
        import anthropic
        hooked()
    """)
    assert lines == ["openai", "openai anthropic"]


def test_what_was_uninstrumented_before_the_import_stays_so() -> None:
    lines, log = run("""
        otel_promptcache.instrument()
        otel_promptcache.uninstrument()
        import openai
        hooked()
    """)
    assert (lines, log) == ([""], "")


def test_coming_and_going_before_the_import_hooks_it_once() -> None:
    lines, _ = run("""
        for _ in range(3):
            otel_promptcache.instrument()
            otel_promptcache.uninstrument()
        otel_promptcache.instrument()
        import openai
        print(hooks_of(openai._base_client.BaseClient._build_request))
    """)
    assert lines == ["1"]


def test_a_fault_of_ours_does_not_fail_the_import() -> None:
    lines, log = run("""
        from otel_promptcache.sdk import patches
        def fails(*_):
            raise RuntimeError("SECRET of ours")
            yield
        otel_promptcache.instrument()
        patches._hooks = fails
        import openai
        print(openai.OpenAI.__name__)
        hooked()
    """)
    assert lines == ["OpenAI", ""]
    assert log.startswith("openai could not be instrumented\n")


def test_threads_that_import_it_at_once_all_get_it() -> None:
    lines, log = run("""
        import importlib, threading
        otel_promptcache.instrument()
        start, seen = threading.Barrier(8), []
        def work():
            start.wait()
            seen.append(importlib.import_module("openai").OpenAI)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(len(seen), len(set(seen)))
        hooked()
    """)
    assert (lines, log) == (["8 1", "openai"], "")


def test_an_import_that_fails_is_the_applications_to_see() -> None:
    lines, log = run("""
        class Broken:
            def find_spec(self, name, path=None, target=None):
                if name == "openai._base_client" and sys.meta_path.remove(self) is None:
                    raise ImportError("broken")
        otel_promptcache.instrument()
        sys.meta_path.insert(0, Broken())
        try:
            import openai
        except ImportError as error:
            print(error)
        import openai
        hooked()
    """)
    assert (lines, log) == (["broken", "openai"], "")
