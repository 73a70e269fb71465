from __future__ import annotations

import logging

import pytest

from otel_promptcache.guard import Guard, guarded


class Part:
    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    @guarded
    def divide(self, by: int) -> float:
        """Divide one."""
        return 1 / by

    @guarded
    def stop(self) -> None:
        raise KeyboardInterrupt

    @guarded
    def listed(self, *arguments: int) -> tuple[int, ...]:
        return arguments

    @guarded
    def named(self, one: int, *, other: int = 0) -> tuple[int, int]:
        return one, other

    @guarded
    def optional(self, one: int = 7) -> int:
        return one


def test_a_fault_is_counted_each_time_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[tuple[str, str]] = []
    part = Part(Guard(lambda seam, error: seen.append((seam, type(error).__name__))))
    with caplog.at_level(logging.WARNING):
        assert part.divide(2) == 0.5
        assert part.divide(0) is None
        assert part.divide(0) is None
        assert part.divide("x") is None  # type: ignore[arg-type]
    assert seen == [("Part.divide", "ZeroDivisionError")] * 2 + [("Part.divide", "TypeError")]
    assert [message.partition(":")[0] for message in caplog.messages] == [
        "ZeroDivisionError in Part.divide",
        "TypeError in Part.divide",
    ]


def test_strict_raises_our_faults_but_not_those_of_the_wire() -> None:
    seen: list[str] = []
    part = Part(Guard(lambda seam, _: seen.append(seam), strict=True, wire_faults=(ZeroDivisionError,)))
    with pytest.raises(TypeError):
        part.divide("x")  # type: ignore[arg-type]
    assert part.divide(0) is None
    assert seen == ["Part.divide"]


def test_a_failing_count_does_not_reach_the_host() -> None:
    def count(seam: str, error: Exception) -> None:
        raise RuntimeError

    assert Part(Guard(count)).divide(0) is None


def test_what_is_not_an_exception_belongs_to_the_host() -> None:
    with pytest.raises(KeyboardInterrupt):
        Part(Guard(lambda *_: None)).stop()


def test_a_seam_keeps_its_name_and_docstring() -> None:
    assert Part.divide.__name__ == "divide"
    assert Part.divide.__doc__ == "Divide one."


def test_arguments_get_through_in_every_shape() -> None:
    part = Part(Guard(lambda *_: None, strict=True))
    assert (part.listed(), part.listed(1, 2)) == ((), (1, 2))
    assert (part.named(1), part.named(one=1, other=2)) == ((1, 0), (1, 2))
    assert (part.optional(), part.optional(1), part.optional(one=2)) == (7, 1, 2)


def test_a_name_that_the_application_made_up_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    class AcmeCustomerKeyError(KeyError):
        """Made up."""

    class Strict(dict[int, int]):
        def __getitem__(self, key: int) -> int:
            raise AcmeCustomerKeyError(key)

    class Reading(Part):
        @guarded
        def read(self, values: Strict) -> int:
            return values[1]

    with caplog.at_level(logging.WARNING):
        assert Reading(Guard(lambda seam, error: None)).read(Strict()) is None
    assert "KeyError in" in caplog.text
    assert "Acme" not in caplog.text
