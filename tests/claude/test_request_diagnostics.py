"""Asking Anthropic's API why a prompt was not read: only if a setting allows it, and only if the API can answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.claude.surfaces import client_of
from tests.claude.wire import REQUEST, client, message
from tests.conftest import Telemetry

ELSEWHERE = [
    "https://claude.googleapis.com",
    "https://aws-external-anthropic.us-east-1.api.aws",
    "https://bedrock-mantle.us-east-1.api.aws/anthropic",
    "https://resource.services.ai.azure.com/anthropic",
    "https://api.deepseek.com/anthropic",
]


def sent(base_url: str = "https://api.anthropic.com", **members: Any) -> list[dict[str, Any]]:
    """The bodies of three requests, whose answers the API names `msg_0` to `msg_2`."""
    bodies: list[dict[str, Any]] = []

    def reply(_: Any, body: dict[str, Any]) -> dict[str, Any]:
        bodies.append(body)
        return message(id=f"msg_{len(bodies) - 1}")

    with client(reply, base_url=base_url) as application:
        for _ in range(3):
            application.messages.create(**REQUEST, **members)
    return bodies


def test_each_request_asks_about_the_answer_before_and_the_first_opts_in(telemetry: Telemetry) -> None:
    telemetry.instrument(request_diagnostics=1.0)
    bodies = sent()
    assert [body.pop("diagnostics")["previous_message_id"] for body in bodies] == [None, "msg_0", "msg_1"]
    assert bodies == [REQUEST] * 3


def test_without_the_setting_nothing_is_added(telemetry: Telemetry) -> None:
    telemetry.instrument()
    assert sent() == [REQUEST] * 3


def test_what_the_application_asks_stays(telemetry: Telemetry) -> None:
    telemetry.instrument(request_diagnostics=1.0)
    own = {"previous_message_id": "msg_own"}
    assert [body["diagnostics"] for body in sent(extra_body={"diagnostics": own})] == [own] * 3


@pytest.mark.parametrize("base_url", ELSEWHERE)
def test_who_cannot_answer_is_not_asked(base_url: str, telemetry: Telemetry) -> None:
    telemetry.instrument(request_diagnostics=1.0)
    assert all("diagnostics" not in body for body in sent(base_url))


@pytest.mark.parametrize("platform", ["bedrock", "vertex"])
def test_nor_are_platforms(platform: str, telemetry: Telemetry) -> None:
    telemetry.instrument(request_diagnostics=1.0)
    bodies: list[dict[str, Any]] = []

    def reply(_: Any, body: dict[str, Any]) -> dict[str, Any]:
        bodies.append(body)
        return message()

    with client_of(platform, is_async=False, reply=reply) as application:
        application.messages.create(**REQUEST)
    assert [body.get("diagnostics") for body in bodies] == [None]


def test_an_answer_of_another_account_is_not_told(telemetry: Telemetry) -> None:
    telemetry.instrument(request_diagnostics=1.0)
    bodies: list[dict[str, Any]] = []

    def reply(_: Any, body: dict[str, Any]) -> dict[str, Any]:
        bodies.append(body)
        return message()

    for key in ("one", "two"):
        with client(reply, api_key=key) as application:
            application.messages.create(**REQUEST)
    assert [body["diagnostics"]["previous_message_id"] for body in bodies] == [None, None]
