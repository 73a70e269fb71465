"""A prompt that the provider puts aside: it is processed at an unknown time."""

from __future__ import annotations

import pytest

from otel_promptcache.core.diagnosis.verdict import Diagnosis
from otel_promptcache.core.exchange import ProviderDiagnosis, Reply
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.providers.policies import policy_for
from tests.unit.prompts import OLD, Application, chat, prose, system, user

POLICY = policy_for("openai", OLD)
BODY = chat(system(prose(3_000)), user("Hi"))
USAGE = TokenUsage(input_tokens=3_000, cache_read_tokens=0)


def answered_later(application: Application, said: ProviderDiagnosis | None = None) -> Diagnosis:
    examination = application.open(BODY)
    examination.put_aside()
    examination.answered(Reply(), POLICY, application.now_seconds + 60)
    return examination.judge(USAGE, said, POLICY)


@pytest.mark.parametrize("pause_seconds", [1, 400])
def test_what_depends_on_the_time_is_not_said(pause_seconds: float) -> None:
    """After a second, it would be the provider's miss; after 400, it would have expired."""
    application = Application()
    application.send(BODY)
    application.now_seconds += pause_seconds
    assert answered_later(application) == Diagnosis()


def test_what_does_not_depend_on_it_is_said() -> None:
    application = Application()
    assert answered_later(application).reason == "cold_start"


def test_the_word_of_the_provider_holds() -> None:
    application = Application()
    application.send(BODY)
    assert answered_later(application, ProviderDiagnosis("expired", 2_000)).reason == "expired"


def test_it_is_not_in_flight_and_is_admitted_when_it_is_answered() -> None:
    application = Application()
    examination = application.open(BODY)
    examination.put_aside()
    assert not application.index._in_flight
    assert application.send(BODY).reason == "cold_start"
    application.now_seconds += 400
    examination.answered(Reply(), POLICY, application.now_seconds)
    assert examination.processed_seconds is None
    application.now_seconds += 1
    assert application.send(BODY).reason == "provider"
