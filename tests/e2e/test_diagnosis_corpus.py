"""The diagnosis of generated applications is right, and never confuses the provider's doing with others'."""

from __future__ import annotations

from benchmarks.diagnosis.corpus import TOGETHER, run

_SEEDS = range(1_000, 1_004)
_RIGHT = 0.99


def test_the_diagnosis_is_right() -> None:
    verdicts = [verdict for seed in _SEEDS for verdict in run(seed)]
    assert {verdict.application for verdict in verdicts} > set(TOGETHER)
    mistakes = [verdict for verdict in verdicts if not (verdict.is_right and verdict.is_place_right)]
    assert len(mistakes) <= (1 - _RIGHT) * len(verdicts), mistakes
    assert not [each for each in mistakes if each.reason == "provider" or "provider" in each.truth.reasons]
