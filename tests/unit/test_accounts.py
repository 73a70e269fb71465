"""Who a request belongs to: one application at several endpoints, or several customers of a platform."""

from __future__ import annotations

import pytest

from otel_promptcache.core.memory import accounts as accounts_module
from otel_promptcache.core.memory.accounts import Accounts


def test_one_key_for_each_endpoint_is_one_customer() -> None:
    accounts = Accounts()
    assert [
        accounts.customer(host, account) for host, account in (("a", 1), ("b", 2), ("a", 1), ("b", 2))
    ] == [0] * 4


def test_a_second_key_at_an_endpoint_is_another_customer_and_so_is_each_further_one() -> None:
    accounts = Accounts()
    assert [accounts.customer("a", account) for account in (1, 2, 1, 3)] == [0, 2, 0, 3]
    assert accounts.customer("b", 4) == 4  # at a new endpoint, too


def test_endpoints_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_module, "MAX_HOSTS", 1)
    accounts = Accounts()
    assert [accounts.customer(host, 7) for host in ("a", "b")] == [0, 7]
