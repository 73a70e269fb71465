"""Requests that custom providers make with LiteLLM's handlers, in whatever way the handlers accept."""

from __future__ import annotations

from typing import Any

import httpx

from tests.conftest import Telemetry
from tests.litellm.surfaces import litellm
from tests.reliability.server import completion

URL = "https://api.deepseek.com/v1/chat/completions"


def test_a_request_whose_headers_or_body_are_odd_has_a_span(telemetry: Telemetry) -> None:
    telemetry.instrument(stream_usage=True, request_diagnostics=1.0)
    answer = completion(model="deepseek-chat")
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    handler = litellm.llms.custom_httpx.http_handler.HTTPHandler(client=httpx.Client(transport=transport))
    body: Any = {"model": "deepseek-chat", "messages": [{"role": "user", "content": "Hi"}]}
    handler.post(URL, json=body, headers={"Authorization": "Bearer key"})
    handler.post(URL, json=body, headers=[("Authorization", "Bearer key")])
    handler.post(URL, data="not json", headers={})
    handler.close()
    assert len(telemetry.spans) == 3
    assert telemetry.total("promptcache.internal.errors") == 0
