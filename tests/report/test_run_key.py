"""What the processes of a run write about a prompt, so that their calls can be judged together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.chain import hash_prompt
from otel_promptcache.core.prompt.fingerprint import LEADING_CHARS, PrefixIdentity
from otel_promptcache.core.prompt.segments import CacheOptions, CacheScope, Segment, SegmentKind
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.report.observing.run_key import RunFingerprinter, RunKey

KEY = RunKey("/tmp/run-1")  # noqa: S108  # nothing is written there
SCOPE = CacheScope(model="gpt-4.1", provider="openai", host="api.openai.com")
POLICY = policy_for("openai", "gpt-4.1")
TOOLS = [f"Tool {name}: look up what the shop says of it. " * 60 for name in "abc"]


def identity(*texts: str, kind: SegmentKind = SegmentKind.INSTRUCTIONS, key: RunKey = KEY) -> PrefixIdentity:
    segments = [Segment(kind, f"messages[{index}].content", text) for index, text in enumerate(texts)]
    return RunFingerprinter(run_key=key).identify(segments)


def written(
    prefix: PrefixIdentity | None = None,
    *,
    account: int = 1,
    scope: CacheScope = SCOPE,
    retention: str = "",
    policy: CachePolicy = POLICY,
    key: RunKey = KEY,
) -> dict[str, Any]:
    sent = SentPrompt(hash_prompt([]), scope, CacheOptions(retention=retention), "f")
    return key.attributes(prefix or identity(*TOOLS, key=key), account, sent, policy, 0.25)


def test_accounts_and_settings_have_the_same_hashes_in_the_whole_run_and_others_outside_of_it() -> None:
    value = (b"authorization", ("Bearer", (b"key", "\ud800")))
    assert KEY.hash_value(value) == RunKey("/tmp/run-1").hash_value(value)  # noqa: S108  # likewise
    assert KEY.hash_value(value) != RunKey("/tmp/run-2").hash_value(value)  # noqa: S108  # likewise
    assert KEY.hash_value(value) != KEY.hash_value((b"authorization", ("Bearer", (b"other", "\ud800"))))
    assert KEY.hash_value((b"ab", b"c")) != KEY.hash_value((b"a", b"bc"))


@pytest.mark.parametrize(
    "change",
    [
        {"account": 2},
        {"prefix": identity(*TOOLS[:2])},
        {"key": RunKey("/tmp/run-2")},  # noqa: S108  # likewise
        *(
            {"scope": SCOPE._replace(**change)}
            for change in (
                {"model": "gpt-4o"},
                {"cache_key": "k"},
                {"service_tier": "flex"},
                {"host": "eu.api.openai.com"},
                {"upstream": "DeepInfra"},
                {"settings": (("headers.session_id", 7),)},
                {"settings": (("cache_salt", 7),)},
            )
        ),
    ],
    ids=lambda change: next(iter(change)),
)
def test_prompts_start_alike_if_all_is_equal_that_partitions_a_cache(change: dict[str, Any]) -> None:
    assert written()["run.start"] == written()["run.start"]
    assert written(**change)["run.start"] != written()["run.start"]


def test_an_order_that_changes_behind_what_names_the_template_is_another_order() -> None:
    head = "What all of them begin with. " * 200
    assert len(head) > LEADING_CHARS
    one, other = identity(head, *TOOLS), identity(head, *reversed(TOOLS))
    assert one.digest == other.digest
    assert written(one)["run.leading"] != written(other)["run.leading"]
    assert written(one)["run.parts"] == written(other)["run.parts"]
    assert written(one)["run.parts"] != written(identity(head, *TOOLS, "More."))["run.parts"]


@pytest.mark.parametrize(
    ("size_chars", "policy", "is_cacheable"),
    [
        (6_144, POLICY, True),
        (6_143, POLICY, False),
        (6_144, policy_for("openai", "gpt-5.6"), False),  # the place of the breakpoint is not known
        (6_144, policy_for("openai", "gpt-4"), False),
        (6_144, policy_for("other", "llama"), False),
        (6_144, replace(POLICY, minimum_tokens=2_048), False),
        (600, policy_for("other", "llama", stated={"llama": {"minimum_tokens": 100}}), True),
        (600, replace(POLICY, minimum_tokens=100, has_cache=False), False),
    ],
)
def test_whether_a_start_can_be_cached_follows_from_its_length_and_the_rules(
    size_chars: int, policy: CachePolicy, is_cacheable: bool
) -> None:
    assert written(identity("x" * size_chars), policy=policy)["run.is_cacheable"] is is_cacheable


@pytest.mark.parametrize(
    ("policy", "retention", "lifetime_seconds"),
    [
        (POLICY, "", 300.0),
        (POLICY, "24h", 86_400.0),
        (policy_for("openai", "gpt-4.1", stated={"*": {"lifetime_seconds": 900.0}}), "", 900.0),
        (policy_for("other", "llama"), "", None),
        (policy_for("other", "llama", stated={"*": {"lifetime_seconds": 900.0}}), "", 900.0),
    ],
)
def test_a_lifetime_follows_from_the_rules_and_from_what_is_asked(
    policy: CachePolicy, retention: str, lifetime_seconds: float | None
) -> None:
    assert written(policy=policy, retention=retention).get("run.lifetime_seconds") == lifetime_seconds


def test_the_rest_is_written_as_far_as_it_is_known() -> None:
    assert (written()["run.processed_seconds"], written()["run.max_requests_per_minute"]) == (0.25, 15)
    groq = written(policy=policy_for("groq", "llama"))
    assert "run.max_requests_per_minute" not in groq
    without_leading = written(identity("Hi", kind=SegmentKind.ITEM))
    assert without_leading.keys() == {
        "run.start", "run.processed_seconds", "run.lifetime_seconds", "run.max_requests_per_minute",
    }  # fmt: skip
    assert without_leading["run.start"] != written(identity("Ho", kind=SegmentKind.ITEM))["run.start"]
