"""Why less was read than could have been: each rule speaks when it should, and is silent otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otel_promptcache.core.comparison.divergence import Divergence, DivergenceKind
from otel_promptcache.core.diagnosis.expectation import Expectation
from otel_promptcache.core.diagnosis.miss_rules import RULES, Evidence, Miss, diagnose
from otel_promptcache.core.diagnosis.reasons import CONTENT_REASONS, MissReason
from otel_promptcache.core.diagnosis.token_estimates import Estimate
from otel_promptcache.core.prompt.segments import CacheScope, SegmentKind
from otel_promptcache.providers.policies import policy_for
from tests.unit.prompts import EXPLICIT, MIDDLE, NEW, OLD, chat, marked, prompt_of, system, user

NOTHING = Estimate(0, 0)
EXPECTED = Expectation(
    readable=NOTHING,
    lapsed=NOTHING,
    unmarked=NOTHING,
    elsewhere=NOTHING,
    closest_scope=None,
    in_flight=NOTHING,
    avoidable_tokens=0,
    tolerance_tokens=128,
)
PARTED = Divergence("messages[0].content", DivergenceKind.EDITED, SegmentKind.INSTRUCTIONS, False, 0)  # noqa: FBT003
PLAIN = prompt_of(chat(system("Rules"), user("Hi")))
EXPLICIT_PLAIN = prompt_of(chat(system("Rules"), user("Hi"), **EXPLICIT))
EXPLICIT_MARKED = prompt_of(chat(marked(system("Rules")), user("Hi"), **EXPLICIT))


def sure(tokens: int) -> Estimate:
    return Estimate(tokens, tokens)


def evidence(model: str = OLD, **members: Any) -> Evidence:
    """Nothing is amiss except for what is stated; names of `Expectation` members set those."""
    stated = {name: members.pop(name) for name in list(members) if hasattr(EXPECTED, name)}
    plain = Evidence(
        sent=PLAIN,
        nearest=PLAIN,
        divergence=None,
        expectation=replace(EXPECTED, **stated),
        policy=policy_for("openai", model),
        input_tokens=5_000,
        read_tokens=0,
        requests_last_minute=1,
        has_lineage=True,
    )
    return replace(plain, **members)


def elsewhere(**differences: Any) -> dict[str, Any]:
    return {"elsewhere": sure(4_000), "closest_scope": CacheScope(**differences)}


def segment(kind: SegmentKind, *, is_compaction: bool = False) -> dict[str, Any]:
    parted = replace(PARTED, segment=kind, is_compaction=is_compaction)
    return {"divergence": parted, "avoidable_tokens": 3_000}


CASES: dict[str, tuple[Evidence, MissReason, int]] = {
    "more should have been read": (evidence(readable=sure(4_000)), MissReason.PROVIDER, 4_000),
    "something was read, but less": (evidence(readable=sure(4_000), read_tokens=1_024), MissReason.PROVIDER, 2_976),
    "too many a minute": (evidence(readable=sure(4_000), requests_last_minute=16), MissReason.RATE_OVERFLOW, 4_000),
    "as many as are allowed": (evidence(readable=sure(4_000), requests_last_minute=15), MissReason.PROVIDER, 4_000),
    "not answered yet": (evidence(in_flight=sure(4_000)), MissReason.CONCURRENT, 4_000),
    "too old": (evidence(lapsed=sure(4_000)), MissReason.EXPIRED, 4_000),
    "another model": (evidence(**elsewhere(model="m")), MissReason.MODEL_CHANGED, 4_000),
    "another key": (evidence(**elsewhere(cache_key="k")), MissReason.PROMPT_CACHE_KEY_CHANGED, 4_000),
    "another tier": (evidence(**elsewhere(service_tier="t")), MissReason.SERVICE_TIER_CHANGED, 4_000),
    "another effort": (evidence(**elsewhere(reasoning_effort="low")), MissReason.REASONING_EFFORT_CHANGED, 4_000),
    "another verbosity": (evidence(**elsewhere(verbosity="low")), MissReason.VERBOSITY_CHANGED, 4_000),
    "tool calls one by one": (evidence(**elsewhere(parallel_tool_calls=False)), MissReason.TOOLS_CHANGED, 4_000),
    "another provider": (evidence(**elsewhere(provider="p")), MissReason.ENDPOINT_CHANGED, 4_000),
    "another host": (evidence(**elsewhere(host="h")), MissReason.ENDPOINT_CHANGED, 4_000),
    "another upstream": (evidence(**elsewhere(upstream="u")), MissReason.ENDPOINT_CHANGED, 4_000),
    "another model on another host": (evidence(**elsewhere(host="h", model="m")), MissReason.ENDPOINT_CHANGED, 4_000),
    "another setting": (evidence(**elsewhere(settings=(("thinking", 1),))), MissReason.SETTINGS_CHANGED, 4_000),
    "its own copy expired, and another model has one": (
        evidence(lapsed=sure(4_000), **elsewhere(model="m")), MissReason.EXPIRED, 4_000,
    ),
    "another model has much more than expired": (
        evidence(lapsed=sure(1_500), **elsewhere(model="m")), MissReason.MODEL_CHANGED, 4_000,
    ),
    "text of another template": (
        evidence(is_other_template=True, **segment(SegmentKind.TOOL)), MissReason.INPUT_CHANGED, 3_000,
    ),
    "the first difference": (evidence(**elsewhere(verbosity="low", cache_key="k")), MissReason.PROMPT_CACHE_KEY_CHANGED, 4_000),
    "tools": (evidence(**segment(SegmentKind.TOOL)), MissReason.TOOLS_CHANGED, 3_000),
    "the format": (evidence(**segment(SegmentKind.FORMAT)), MissReason.TEXT_FORMAT_CHANGED, 3_000),
    "instructions": (evidence(**segment(SegmentKind.INSTRUCTIONS)), MissReason.INPUT_CHANGED, 3_000),
    "the history": (evidence(**segment(SegmentKind.ITEM)), MissReason.INPUT_CHANGED, 3_000),
    "a compaction": (evidence(**segment(SegmentKind.ITEM, is_compaction=True)), MissReason.CONTEXT_COMPACTED, 3_000),
    "mostly the same under another name": (
        evidence(divergence=PARTED, avoidable_tokens=4_500, moved_tokens=4_500, has_lineage=False),
        MissReason.INPUT_CHANGED, 4_500,
    ),
    "no boundary where they part": (evidence(NEW, unmarked=sure(4_000)), MissReason.NO_MATCHING_BREAKPOINT, 4_000),
    "explicit after implicit": (
        evidence(NEW, unmarked=sure(4_000), sent=EXPLICIT_MARKED), MissReason.MODE_CHANGED, 4_000,
    ),
    "implicit after explicit": (
        evidence(NEW, unmarked=sure(4_000), nearest=EXPLICIT_MARKED), MissReason.MODE_CHANGED, 4_000,
    ),
    "explicit without a breakpoint": (
        evidence(NEW, unmarked=sure(4_000), sent=EXPLICIT_PLAIN), MissReason.CACHING_DISABLED, 4_000,
    ),
    "explicit without a breakpoint, in another scope": (
        evidence(NEW, sent=EXPLICIT_PLAIN, **elsewhere(model="m")), MissReason.CACHING_DISABLED, 4_000,
    ),
    "explicit without a breakpoint, and nothing to read": (
        evidence(NEW, sent=EXPLICIT_PLAIN, has_lineage=False), MissReason.CACHING_DISABLED, 0,
    ),
    "nothing like it before": (evidence(has_lineage=False), MissReason.COLD_START, 0),
    "too little in common": (evidence(shared_tokens=1_000), MissReason.BELOW_MINIMUM, 0),
    "nothing in common": (evidence(), MissReason.COLD_START, 0),
    "enough in common, but of nobody that is known": (evidence(shared_tokens=1_100), MissReason.COLD_START, 0),
}  # fmt: skip


@pytest.mark.parametrize(("given", "reason", "tokens"), CASES.values(), ids=CASES)
def test_what_the_evidence_says(given: Evidence, reason: MissReason, tokens: int) -> None:
    assert diagnose(given) == Miss(reason, tokens)


READ = {"read_tokens": 2_944}
SILENT: dict[str, Evidence] = {
    "all that was expected": evidence(readable=sure(2_944), **READ),
    "more than was expected": evidence(readable=sure(1_024), **READ),
    "rounding": evidence(readable=sure(3_072), **READ),
    "rounding of wide steps": evidence(MIDDLE, readable=sure(3_456), tolerance_tokens=512, **READ),
    "what may not have been there": evidence(readable=Estimate(4_000, 3_000), **READ),
    "hardly more in flight": evidence(in_flight=sure(3_000), **READ),
    "hardly more before": evidence(lapsed=sure(3_000), **READ),
    "hardly more elsewhere": evidence(elsewhere=sure(3_000), closest_scope=CacheScope(model="m"), **READ),
    "hardly more unmarked": evidence(NEW, unmarked=sure(3_000), **READ),
    "hardly more in another mode": evidence(NEW, unmarked=sure(3_000), nearest=EXPLICIT_MARKED, **READ),
    "no boundaries to miss": evidence(OLD, unmarked=sure(4_000), **READ),
    "explicit without a breakpoint, but read": evidence(NEW, sent=EXPLICIT_PLAIN, **READ),
    "explicit without a meaning": evidence(OLD, sent=EXPLICIT_PLAIN, nearest=EXPLICIT_PLAIN, **READ),
    "growth or a rewind": evidence(divergence=None, **READ),
    "a new question": evidence(divergence=PARTED, avoidable_tokens=0, **READ),
    "hardly anything spoiled": evidence(divergence=PARTED, avoidable_tokens=128, **READ),
    "less than a wide step spoiled": evidence(MIDDLE, divergence=PARTED, avoidable_tokens=2_048, **READ),
    "another agent with a little of the same": evidence(
        divergence=PARTED, avoidable_tokens=3_000, has_lineage=False, **READ
    ),
    "a prefix that would be too short": evidence(divergence=PARTED, avoidable_tokens=900, read_tokens=100),
}


@pytest.mark.parametrize("given", SILENT.values(), ids=SILENT)
def test_what_means_nothing(given: Evidence) -> None:
    assert diagnose(given) is None


EVERYTHING: dict[str, Any] = {
    "readable": sure(4_000),
    "in_flight": sure(4_000),
    "lapsed": sure(4_000),
    "unmarked": sure(4_000),
    **elsewhere(model="m"),
    **segment(SegmentKind.TOOL),
}


@pytest.mark.parametrize(
    ("missing", "members", "reason"),
    [
        ((), {"sent": EXPLICIT_PLAIN}, MissReason.CACHING_DISABLED),
        ((), {"sent": EXPLICIT_MARKED}, MissReason.PROVIDER),
        (("readable",), {"sent": EXPLICIT_MARKED}, MissReason.CONCURRENT),
        (("readable", "in_flight", "lapsed"), {"sent": EXPLICIT_MARKED}, MissReason.MODEL_CHANGED),
        (("readable", "in_flight"), {"sent": EXPLICIT_MARKED}, MissReason.EXPIRED),
        (("readable", "in_flight", "elsewhere", "lapsed"), {"sent": EXPLICIT_MARKED}, MissReason.MODE_CHANGED),
        (("readable", "in_flight", "elsewhere", "lapsed"), {}, MissReason.TOOLS_CHANGED),
        (("readable", "in_flight", "elsewhere", "lapsed"), {"divergence": None}, MissReason.NO_MATCHING_BREAKPOINT),
        (("readable", "in_flight", "elsewhere", "lapsed", "unmarked"), {"divergence": None}, MissReason.COLD_START),
    ],
)  # fmt: skip
def test_the_first_rule_that_applies_is_heard(
    missing: tuple[str, ...], members: dict[str, Any], reason: MissReason
) -> None:
    stated = {**EVERYTHING, **dict.fromkeys(missing, NOTHING), **members}
    miss = diagnose(evidence(NEW, **stated))
    assert miss is not None
    assert miss.reason is reason


def test_a_prompt_without_a_nearest_one_changed_no_mode() -> None:
    given = evidence(NEW, unmarked=sure(4_000), nearest=None)
    assert diagnose(given) == Miss(MissReason.NO_MATCHING_BREAKPOINT, 4_000)


def test_every_reason_has_a_case() -> None:
    # UNSEEN is no rule's miss: it replaces one if other processes may be the cause. See test_others.py.
    assert {reason for _, reason, _ in CASES.values()} == set(MissReason) - {MissReason.UNSEEN}


def test_every_rule_is_silent_where_all_was_read() -> None:
    given = evidence(readable=sure(4_000), read_tokens=4_000)
    assert [rule(given) for rule in RULES] == [None] * len(RULES)


def test_the_place_matters_for_changes_inside_the_prompt_only() -> None:
    names = {reason.value for reason in CONTENT_REASONS}
    assert names == {
        "tools_changed",
        "text_format_changed",
        "context_compacted",
        "input_changed",
        "settings_changed",
        "no_matching_breakpoint",
    }


def test_the_providers_own_names_come_first_and_are_kept() -> None:
    openai_names = (
        "model_changed prompt_cache_key_changed service_tier_changed tools_changed text_format_changed "
        "reasoning_effort_changed verbosity_changed context_compacted input_changed"
    )
    assert [reason.value for reason in MissReason][:9] == openai_names.split()
