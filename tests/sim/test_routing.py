from __future__ import annotations

from otel_promptcache.sim.cache.routing import Router


def test_the_same_start_goes_to_the_same_machine() -> None:
    router = Router(machines=8, requests_per_minute=None)
    assert len({router.route(b"12345678", "group", 0.0) for _ in range(100)}) == 1


def test_different_starts_spread_over_the_machines() -> None:
    router = Router(machines=8, requests_per_minute=None)
    assert {router.route(bytes([n]) * 8, n, 0.0) for n in range(64)} == set(range(8))


def test_the_window_slides() -> None:
    router = Router(machines=8, requests_per_minute=2)
    machines = [router.route(bytes(8), "group", second) for second in (0.0, 10.0, 20.0, 60.0, 71.0)]
    assert machines == [0, 0, 1, 1, 1]
    assert router.route(bytes(8), "group", 200.0) == 0


def test_groups_are_counted_apart_and_their_number_is_bounded() -> None:
    router = Router(machines=8, requests_per_minute=1)
    for group in range(20_000):
        assert router.route(bytes(8), group, 0.0) == 0
    assert len(router._arrivals) == 10_000
