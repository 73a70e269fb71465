"""No prompt text, key or user id leaves the process."""

from __future__ import annotations

import json
import logging

import pytest
from openai import OpenAI, OpenAIError

from otel_promptcache.sim import Simulator
from otel_promptcache.telemetry import names
from tests.conftest import Telemetry
from tests.e2e.surfaces import RULES

SECRETS = {
    "system": "SECRETSYSTEM",
    "question": "SECRETQUESTION",
    "tool": "SECRETTOOL",
    "cache key": "SECRETCACHEKEY",
    "user": "SECRETUSER",
    "api key": "SECRETAPIKEY",
    "metadata": "SECRETMETADATA",
    "header": "SECRETHEADER",
}
ALLOWED_METRIC_ATTRIBUTES = {
    names.OPERATION_NAME, names.PROVIDER_NAME, names.REQUEST_MODEL, names.API_TYPE, names.RESPONSE_SERVICE_TIER,
    names.FINGERPRINT.name, names.PREFIX_NAME.name, names.RESULT.name, names.TOKEN_STATE, names.TOKEN_TYPE,
    names.ERROR_TYPE, names.CODE_FUNCTION_NAME, names.MISS_REASON.name, names.MISS_SOURCE.name,
    names.HISTORY.name, names.WRITE_TTL.name,
}  # fmt: skip


@pytest.mark.parametrize("fault", ["", "usage_text", "rate_limit", "error_event", "garbage"])
@pytest.mark.parametrize("stream", [False, True])
def test_nothing_of_the_request_is_emitted_or_logged(
    stream: bool, fault: str, simulator: Simulator, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry.instrument()
    with (
        caplog.at_level(logging.DEBUG, logger="otel_promptcache"),
        OpenAI(base_url=simulator.base_url, api_key=SECRETS["api key"], max_retries=0) as client,
    ):
        for _ in range(2):
            try:
                result = client.responses.create(
                    model="gpt-5.6-sol",
                    instructions=f"{SECRETS['system']} {RULES}",
                    input=SECRETS["question"],
                    tools=[{"type": "function", "name": SECRETS["tool"], "parameters": {}, "strict": True}],
                    extra_body={"prompt_cache_key": SECRETS["cache key"]},
                    user=SECRETS["user"],
                    metadata={"k": SECRETS["metadata"]},
                    extra_headers={"x-sim-fault": fault, "x-own": SECRETS["header"]},
                    stream=stream,
                )
                list(result)
            except (OpenAIError, ValueError):
                assert fault
    spans = [span.to_json() for span in telemetry.spans]
    data = telemetry.reader.get_metrics_data()
    everything = json.dumps([spans, data.to_json() if data else "", caplog.text])
    assert len(spans) == 2
    for what, secret in SECRETS.items():
        assert secret not in everything, f"the {what} leaked"


def test_metrics_have_no_attribute_but_those_we_know(simulator: Simulator, telemetry: Telemetry) -> None:
    telemetry.instrument()
    with OpenAI(base_url=simulator.base_url, api_key="key") as client:
        client.responses.create(model="gpt-5.6-sol", instructions=RULES, input="Hi")
    used = {key for points in telemetry.metrics().values() for point in points for key, _ in point}
    assert used <= ALLOWED_METRIC_ATTRIBUTES
