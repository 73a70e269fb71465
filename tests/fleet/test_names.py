"""Names in the fleet: the same in every process with the key, different for everyone else, and revealing nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from otel_promptcache.core.prompt.chain import PromptHasher
from otel_promptcache.core.prompt.segments import CacheScope
from otel_promptcache.fleet.naming import hashes as hashes_module
from otel_promptcache.fleet.naming import scopes as scopes_module
from otel_promptcache.fleet.naming.hashes import FleetHashes
from otel_promptcache.fleet.naming.scopes import MAX_SCOPE_BYTES, MAX_SETTINGS, FleetScopes
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS
from tests.unit.prompts import Body, assistant, chat, prose, system, tool, user

ROOT = Path(__file__).parents[2]
BODY = chat(
    system(prose(600)), user("Hi"), assistant("Yes?"), user("é\ud800"), tools=[tool("find"), tool("pay")]
)


def names(hashes: FleetHashes, body: Body, account: int = 0) -> list[bytes]:
    prompt, segments = PromptHasher().hash(lambda: CHAT_COMPLETIONS.blocks(body))
    hashes.learn(prompt, segments, account)
    found = hashes.chain(prompt, account)
    assert found is not None
    return found


def test_names_are_the_same_in_every_process() -> None:
    script = (
        "from tests.fleet.test_names import BODY, CacheScope, FleetHashes, FleetScopes, names\n"
        "hashes = FleetHashes('n', 'k')\n"
        "print(b''.join(names(hashes, BODY, 7)).hex(), FleetScopes(hashes).encode(CacheScope('m', settings=(('s', 3),))).hex())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    hashes = FleetHashes("n", "k")
    own = b"".join(names(hashes, BODY, 7)).hex()
    assert seen == {f"{own} {FleetScopes(hashes).encode(CacheScope('m', settings=(('s', 3),))).hex()}\n"}


def test_names_depend_on_key_namespace_and_account() -> None:
    chains = {
        tuple(names(FleetHashes(namespace, key), BODY, account))
        for namespace, key, account in (
            ("n", "k", 0),
            ("n", "k", 1),
            ("n", "l", 0),
            ("n", None, 0),
            ("o", "k", 0),
        )
    }
    assert len(chains) == 5


def test_prompts_share_the_names_of_what_they_begin_with() -> None:
    hashes = FleetHashes("n")
    longer = chat(*BODY["messages"], user("More"), tools=BODY["tools"])
    assert names(hashes, longer)[:-1] == names(hashes, BODY)
    assert names(hashes, chat(*BODY["messages"]))[0] != names(hashes, BODY)[0]


def test_what_is_known_is_not_read_again() -> None:
    hashes, hasher = FleetHashes("n"), PromptHasher()
    prompt, segments = hasher.hash(lambda: CHAT_COMPLETIONS.blocks(BODY))
    hashes.learn(prompt, segments, 0)
    first = hashes.chain(prompt, 0)
    hashes.learn(prompt, {}, 0)  # reading would raise
    assert hashes.chain(prompt, 0) == first


def test_names_that_were_forgotten_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = FleetHashes("n")
    first = names(hashes, BODY)
    monkeypatch.setattr(hashes_module, "MAX_MEMOS", 4)
    longer = chat(*BODY["messages"], user("More"), tools=BODY["tools"])
    assert names(hashes, longer)[:-1] == first


def test_the_routing_is_that_of_the_first_1024_characters() -> None:
    hashes = FleetHashes("n")

    def routing(text: str, question: str = "Hi") -> bytes | None:
        prompt, segments = PromptHasher().hash(
            lambda: CHAT_COMPLETIONS.blocks(chat(system(text), user(question)))
        )
        hashes.learn(prompt, segments, 0)
        return hashes.routing(prompt, 0)

    assert routing("a" * 1_024) == routing("a" * 1_025, "Another")
    assert routing("a" * 1_023) != routing("a" * 1_023, "Another")
    assert routing("a" * 1_024) == routing("a" * 1_024)  # remembered


def test_what_was_never_learnt_has_no_names() -> None:
    prompt, _ = PromptHasher().hash(lambda: CHAT_COMPLETIONS.blocks(BODY))
    assert FleetHashes("n").chain(prompt, 0) is None
    assert FleetHashes("n").routing(prompt, 0) is None


OWN = CacheScope(
    model="m", cache_key="key", service_tier="flex", reasoning_effort="low", verbosity="high", provider="openai",
    host="h", upstream="u", settings=(("a", 1), ("b", 2)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("other", "differences"),
    [
        (OWN, []),
        (OWN._replace(model="n"), ["model"]),
        (OWN._replace(cache_key="other", parallel_tool_calls=False), ["cache_key", "parallel_tool_calls"]),
        (OWN._replace(upstream="v", settings=()), ["upstream", "settings"]),
        (CacheScope(), [name for name in OWN._fields if name != "parallel_tool_calls"]),
    ],
)
def test_a_scope_of_the_store_differs_in_the_same_fields(other: CacheScope, differences: list[str]) -> None:
    hashes = FleetHashes("n", "k")
    decoded = FleetScopes(hashes).decode(FleetScopes(hashes).encode(other), OWN)
    assert decoded is not None
    assert OWN.differences(decoded) == differences
    assert (decoded is OWN) == (not differences)


@pytest.mark.parametrize(
    ("theirs", "changed"),
    [((("a", 1), ("b", 3)), "b"), ((("a", 1),), "b"), ((("a", 1), ("b", 2), ("c", 3)), "")],
)
def test_of_settings_the_names_are_known_that_are_ours(
    theirs: tuple[tuple[str, int], ...], changed: str
) -> None:
    scopes = FleetScopes(FleetHashes("n"))
    decoded = scopes.decode(scopes.encode(OWN._replace(settings=theirs)), OWN)
    assert decoded is not None
    assert OWN.changed_setting(decoded) == changed


def test_all_fields_of_a_scope_are_kept() -> None:
    assert {*scopes_module._SIZES, "settings"} == set(CacheScope._fields)


@pytest.mark.parametrize("data", [b"", b"short", b"x" * 25, b"x" * (MAX_SCOPE_BYTES + 5)])
def test_what_is_no_scope_is_none(data: bytes) -> None:
    assert FleetScopes(FleetHashes("n")).decode(data, OWN) is None


def test_scopes_have_a_bound_each_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    scopes = FleetScopes(FleetHashes("n"))
    many = CacheScope(settings=tuple((f"s{number}", number) for number in range(2 * MAX_SETTINGS)))
    assert len(scopes.encode(many)) == MAX_SCOPE_BYTES
    monkeypatch.setattr("otel_promptcache.fleet.naming.scopes._MAX_KNOWN", 2)
    for number in range(9):
        scopes.encode(CacheScope(str(number)))
    assert len(scopes._known) <= 2
