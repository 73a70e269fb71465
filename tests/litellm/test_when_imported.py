"""LiteLLM is hooked when the application imports it, never by an import of ours."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import otel_promptcache

otel_promptcache.instrument()
assert not [name for name in sys.modules if name.partition(".")[0] in ("litellm", "openai", "anthropic")]
import litellm
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler
for when in ("instrumented", "uninstrumented"):
    hooked = [hasattr(vars(each)[name], "_otel_promptcache") for each in (HTTPHandler, AsyncHTTPHandler) for name in ("post", "get")]
    print(when, hooked)
    otel_promptcache.uninstrument()
"""


def test_it_is_hooked_at_the_end_of_its_import_and_released() -> None:
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.stdout.splitlines() == [
        f"instrumented {[True] * 4}",
        f"uninstrumented {[False] * 4}",
    ], ran.stderr
