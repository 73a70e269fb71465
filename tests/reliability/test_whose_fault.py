"""What caused a miss: the account, the endpoint, a setting or a key, and never the wrong one."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.conftest import Telemetry
from tests.reliability.server import answering, client_of, completion
from tests.unit.prompts import prose

MESSAGES = [{"role": "system", "content": prose(3_000)}, {"role": "user", "content": "Hi"}]
PRICES = {"gpt-5.4": {"input": 4.0, "cache_read": 0.4}}


class Provider:
    """Answers with what a test says was read, whoever asks."""

    def __init__(self) -> None:
        self.read_tokens = 0
        self.members: dict[str, Any] = {}

    def __call__(self, request: Any) -> Any:
        details = {"cached_tokens": self.read_tokens}
        usage = {"prompt_tokens": 3_010, "completion_tokens": 5, "prompt_tokens_details": details}
        body = json.loads(request.content)
        return answering(completion(usage=usage, model=body["model"], **self.members))(request)


class Caller:
    """Sends one prompt in many ways, and returns the span attributes of each request."""

    def __init__(self, telemetry: Telemetry, provider: Provider) -> None:
        self.provider = provider
        self._telemetry = telemetry

    def __call__(
        self, read: int = 0, *, host: str = "provider.test", key: str = "key", **request: Any
    ) -> dict[str, Any]:
        self.provider.read_tokens = read
        client_options = {name: request.pop(name) for name in ("organization", "project") if name in request}
        with client_of(self.provider, base_url=f"http://{host}/v1", api_key=key, **client_options) as client:
            client.chat.completions.create(**{"model": "gpt-5.4", "messages": MESSAGES, **request})
        return dict(self._telemetry.exporter.get_finished_spans()[-1].attributes)


@pytest.fixture
def call(telemetry: Telemetry) -> Caller:
    telemetry.instrument(prices=PRICES)
    return Caller(telemetry, Provider())


def reason(attributes: dict[str, Any]) -> str | None:
    return attributes.get("promptcache.miss.reason")


def lost(attributes: dict[str, Any]) -> int | None:
    return attributes.get("promptcache.miss.tokens")


@pytest.mark.parametrize(
    "other",
    [{"key": "another"}, {"organization": "org-2"}, {"project": "proj-2"}],
    ids=["key", "organisation", "project"],
)
def test_another_customer_starts_cold(call: Caller, other: dict[str, Any]) -> None:
    assert reason(call()) == "cold_start"
    assert reason(call(2_944)) is None
    theirs = call(**other)
    assert (reason(theirs), lost(theirs), theirs["promptcache.expected_tokens"]) == ("cold_start", 0, 0)
    assert theirs.get("promptcache.missed_savings.amount", 0) == 0
    # From then on they have their own history.
    assert reason(call(**other)) == "provider"
    assert reason(call()) == "provider"


def test_another_customer_shares_no_content_either(call: Caller) -> None:
    call()
    time = {"role": "system", "content": "It is 9:30.\n" + prose(3_000)}
    theirs = call(key="another", messages=[time, MESSAGES[1]])
    assert (reason(theirs), theirs["promptcache.avoidable_tokens"]) == ("cold_start", 0)
    assert reason(call(messages=[time, MESSAGES[1]])) == "input_changed"


def jwt(**claims: str) -> str:
    parts = ({"alg": "none"}, claims)
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        + ".sig"
    )


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        (jwt(sub="app", iat="1"), jwt(sub="app", iat="2"), True),
        (jwt(sub="app", iat="1"), jwt(sub="other", iat="1"), False),
        ("ya29.first", "ya29.second", True),
        ("eyJ.not.json", "eyJ.nor.this", False),
    ],
)  # fmt: skip
def test_a_token_that_is_renewed_is_of_the_same_account(
    call: Caller, first: str, second: str, *, is_same: bool
) -> None:
    call(key=first)
    assert reason(call(key=second)) == ("provider" if is_same else "cold_start")


def test_a_signature_changes_with_each_request_and_its_key_does_not(call: Caller) -> None:
    def signed(key: str, signature: str) -> dict[str, str]:
        return {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={key}/20261125/eu/bedrock/aws4_request, Signature={signature}"
        }

    call(extra_headers=signed("AKIA1", "aa"))
    assert reason(call(extra_headers=signed("AKIA1", "bb"))) == "provider"
    assert reason(call(extra_headers=signed("AKIA2", "cc"))) == "cold_start"


@pytest.mark.parametrize("other", [{"host": "other.test"}, {"host": "provider.test:8001"}])
@pytest.mark.parametrize("key", ["key", "of the other endpoint"])
def test_another_endpoint_that_has_the_prompt_is_named(call: Caller, other: dict[str, Any], key: str) -> None:
    call()
    call(2_944)
    there = call(key=key, **other)
    assert (reason(there), lost(there)) == ("endpoint_changed", 2_944)
    # It is the second server's doing from then on.
    assert reason(call(key=key, **other)) == "provider"


@pytest.mark.parametrize("host", ["other.test", "openrouter.ai", "x.openai.azure.com"])
def test_a_fallback_to_another_host_is_another_endpoint_by_whatever_name_it_has_the_model(
    call: Caller, host: str
) -> None:
    call()
    assert reason(call(host=host, model="openai/gpt-5.4-mini")) == "endpoint_changed"
    assert reason(call(host=host, model="openai/gpt-5.4")) == "model_changed"


def test_an_upstream_provider_behind_a_router_is_an_endpoint(call: Caller) -> None:
    call.provider.members = {"provider": "DeepInfra"}
    assert reason(call(host="openrouter.ai")) == "cold_start"
    assert reason(call(2_944, host="openrouter.ai")) is None
    call.provider.members = {"provider": "Together"}
    elsewhere = call(host="openrouter.ai")
    assert (reason(elsewhere), lost(elsewhere)) == ("endpoint_changed", 2_944)
    call.provider.members = {"provider": "DeepInfra"}
    assert reason(call(2_944, host="openrouter.ai")) is None
    assert reason(call(host="openrouter.ai")) == "provider"


@pytest.mark.parametrize(
    "name", ["session_id", "x-session-id", "X-Session-Affinity", "x-grok-conv-id", "conversation_id"]
)
def test_a_header_that_changes_with_each_request_is_named(call: Caller, name: str) -> None:
    call(extra_headers={name: "secret-1"})
    assert reason(call(2_944, extra_headers={name: "secret-1"})) is None
    changed = call(extra_headers={name: "secret-2"})
    assert (reason(changed), lost(changed)) == ("settings_changed", 2_944)
    assert changed["promptcache.divergence.path"] == f"headers.{name.lower()}"
    assert "promptcache.divergence.kind" not in changed
    assert "secret" not in repr(changed)
    assert reason(call()) == "settings_changed"


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        ({"chat_template_kwargs": {"thinking": True}}, {"chat_template_kwargs": {"thinking": False}}, "chat_template_kwargs"),
        ({"cache_salt": "a"}, {"cache_salt": "b"}, "cache_salt"),
        ({"thinking": {"type": "enabled"}}, {}, "thinking"),
        ({"reasoning": {"enabled": True, "effort": "low"}}, {"reasoning": {"effort": "low"}}, "reasoning"),
        ({"session_id": "a"}, {"session_id": "b"}, "session_id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_setting_of_the_rendered_prompt_is_named(
    call: Caller, first: dict[str, Any], second: dict[str, Any], path: str
) -> None:
    call(extra_body=first)
    assert reason(call(2_944, extra_body=first)) is None
    changed = call(extra_body=second)
    assert (reason(changed), changed["promptcache.divergence.path"]) == ("settings_changed", path)


def test_settings_that_are_no_part_of_the_prompt_change_nothing(call: Caller) -> None:
    call(
        extra_body={"temperature": 0.1, "metadata": {"a": "1"}},
        tool_choice="none",
        extra_headers={"x-trace": "1"},
    )
    again = call(extra_body={"temperature": 0.2, "metadata": {"a": "2"}}, extra_headers={"x-trace": "2"})
    assert reason(again) == "provider"


def test_a_prefix_is_known_of_each_of_many_keys(call: Caller) -> None:
    for number in range(40):
        call(prompt_cache_key=f"user-{number}")
    for number in (0, 20, 39):
        assert reason(call(prompt_cache_key=f"user-{number}")) == "provider"
    assert reason(call(prompt_cache_key="new")) == "prompt_cache_key_changed"


def test_all_places_are_on_the_span(call: Caller) -> None:
    for number in (17, 18):
        head = f"Now: 2026-11-20T11:46:{number}Z.\nThis is request {number}.\n"
        told = call(messages=[{"role": "system", "content": head + prose(3_000)}, MESSAGES[1]])
    names = [f"promptcache.divergence.{name}" for name in ("paths", "kinds", "tokens")]
    paths, kinds, tokens = (told[name] for name in names)
    assert (paths, kinds) == (("messages[0].content",) * 2, ("timestamp", "number"))
    assert tokens[0] == told["promptcache.divergence.token"] == 0 < tokens[1]


def test_impossible_usage_is_named_and_nothing_is_computed(call: Caller) -> None:
    call()
    for read in (2_000_000, 3_011):
        attributes = call(read)
        assert attributes["promptcache.result"] == "unknown"
        assert attributes["promptcache.usage.error"] == "cache_exceeds_input"
        assert not {"promptcache.hit_ratio", "promptcache.savings.amount"} & set(attributes)
    assert call(10**12)["promptcache.usage.error"] == "invalid_count"
