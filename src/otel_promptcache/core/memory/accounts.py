"""Which requests can share a cache: those on one account, and those of one application at several endpoints."""

from __future__ import annotations

MAX_HOSTS = 256
"""Endpoints whose first account is remembered; requests to further ones are distinguished by their own account."""


class Accounts:
    """Distinguishes the customers of a platform, but counts one application at two endpoints as one customer.

    Each endpoint has keys of its own. An application that has one key for each is one customer, and what it sent to one
    endpoint can be compared with what it sends to another. Once a second key is used at any endpoint, the process
    serves several customers: each further key is one of them.
    """

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._has_several_customers = False

    def customer(self, host: str, account: int) -> int:
        """Whose request it is: 0 for the first account at an endpoint, else the account itself.

        Args:
            host: The endpoint, with its port.
            account: A hash of the credentials.
        """
        first = self._first.get(host)
        if first is None and not self._has_several_customers and len(self._first) < MAX_HOSTS:
            first = self._first.setdefault(host, account)
        if first == account:
            return 0
        if first is not None:
            self._has_several_customers = True
        return account

    @property
    def has_several_customers(self) -> bool:
        """Whether the process is known to serve several customers."""
        return self._has_several_customers
