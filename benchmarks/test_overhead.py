"""Checks what the comparison relies on: off is off, on is on, and both are sampled equally often."""

# ruff: noqa: S101, PLR2004  # asserts are how tests speak, and literal expectations are the point

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import openai
import openai._base_client
import pytest

from benchmarks import child
from benchmarks.environments import ROOT
from benchmarks.instrumentations import INSTRUMENTATIONS, NOTHING, by_name
from benchmarks.messages.variants import VARIANTS
from benchmarks.messages.workloads import WORKLOADS
from benchmarks.ours import switched
from benchmarks.sampling import Comparison, Effort, compare, subject
from benchmarks.switch import Switch
from benchmarks.telemetry import Telemetry
from benchmarks.workloads import short_chat


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """An SDK that exports nothing."""
    with closing(Telemetry()) as telemetry:
        yield telemetry


def test_a_switch_leaves_the_sdk_as_it_was(telemetry: Telemetry) -> None:
    """What is measured as off is the SDK of an application without instrumentation."""
    before = dict(vars(openai._base_client.SyncAPIClient))  # noqa: SLF001  # where the hooks are
    with switched(telemetry) as switch, subject(short_chat(), is_async=False) as run:
        assert dict(vars(openai._base_client.SyncAPIClient)) == before  # noqa: SLF001
        run(3)
        assert telemetry.spans() == 0

        switch.on()
        run(3)
        assert telemetry.spans() == 3

        switch.off()
        run(3)
        assert telemetry.spans() == 3
    assert dict(vars(openai._base_client.SyncAPIClient)) == before  # noqa: SLF001


def test_a_switch_takes_out_what_was_put_on_a_class_that_had_none() -> None:
    """Some instrumentations override an inherited method on the subclass."""

    def install() -> None:
        openai.OpenAI.request = lambda *_, **__: None  # type: ignore[method-assign]

    switch = Switch(install)

    assert switch.places == ["OpenAI.request"]
    assert "request" not in vars(openai.OpenAI)
    switch.on()
    assert "request" in vars(openai.OpenAI)
    switch.off()
    assert "request" not in vars(openai.OpenAI)


@pytest.mark.parametrize("is_async", [False, True])
def test_both_sides_are_sampled_equally_often(telemetry: Telemetry, is_async: bool) -> None:  # noqa: FBT001
    """The ratios are taken pairwise."""
    with switched(telemetry) as switch:
        comparison = compare(short_chat(), switch, telemetry, Effort(min_rounds=3), is_async=is_async)

    assert (len(comparison.off), len(comparison.on), comparison.spans) == (3, 3, 1)


def test_an_instrumentation_that_goes_on_while_it_is_off_is_found_out(telemetry: Telemetry) -> None:
    """Comparing on with on would report that it costs nothing."""
    with (
        telemetry.instrumented(),
        pytest.raises(RuntimeError, match="spans while the instrumentation was off"),
    ):
        compare(short_chat(), Switch(lambda: None), telemetry, Effort(min_rounds=2))


def test_a_number_of_calls_decides_about_the_rounds() -> None:
    """`--calls` sets the number of calls on each side."""
    workload = short_chat()

    assert len(list(Effort(min_rounds=2, calls=4 * workload.sample_calls).rounds(workload))) == 4
    assert len(list(Effort(min_rounds=2, calls=1).rounds(workload))) == 2


def test_ratio_and_difference_are_medians_of_the_rounds() -> None:
    """Rounds stay comparable on a machine that slows down."""
    comparison = Comparison(off=[1, 2, 4], on=[2, 4, 8], spans=1)

    assert comparison.ratio().median == 2
    assert comparison.added().median == 2


def test_the_child_says_what_it_does_and_what_came_out() -> None:
    """Its output is all that its parent learns."""
    out = io.StringIO()

    child.measure(by_name(NOTHING), [short_chat()], Effort(min_rounds=2), out)

    begun, done, abegun, adone = map(json.loads, out.getvalue().splitlines())
    assert begun["begins"] == {"workload": short_chat().name, "is_async": False}
    assert abegun["begins"]["is_async"] is adone["is_async"] is True
    assert len(done["comparison"]["on"]) == 2


def test_each_instrumentation_has_a_name_of_its_own() -> None:
    """The name selects it."""
    names = [each.name for each in INSTRUMENTATIONS]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", [name for name, variant in VARIANTS.items() if variant.is_installed])
def test_calls_of_anthropics_sdk_are_measured_with_and_without(name: str) -> None:
    """One span a call or two, and none while it is off, or `alternate` would have complained."""
    code = f"from benchmarks.messages.overhead import tell; tell({name!r}, 2, calls=2, earlier_calls=1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT)  # noqa: S603
    measured = json.loads(done.stdout.splitlines()[-1])

    assert list(measured) == list(WORKLOADS)
    for comparison in measured.values():
        assert len(comparison["off"]) == len(comparison["on"]) == 2
        assert comparison["spans"] == {NOTHING: 0}.get(name, 1)
