"""The memory that the processes of a fleet share, as one process uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from otel_promptcache.core.comparison.comparison import SegmentSource
from otel_promptcache.core.diagnosis.examination import Examination
from otel_promptcache.core.prompt.fingerprint import PrefixIdentity
from otel_promptcache.fleet.address import StoreAddress
from otel_promptcache.fleet.call import FleetCall
from otel_promptcache.fleet.memory import FleetMemory
from otel_promptcache.fleet.store import FleetStore
from otel_promptcache.fleet.worker import OperationOutcome, Worker


class Runner(Protocol):
    """Passes calls to the store."""

    def submit(self, call: FleetCall, is_urgent: bool, /) -> None:  # noqa: FBT001  # once for each call
        """Have the store queried or updated for a call: soon, or along with something else."""
        ...

    def flush(self) -> bool:
        """Wait briefly until everything is written; return whether it was."""
        ...

    def stop(self) -> None:
        """Write what is still pending, if that does not take long, and end."""
        ...


class Fleet:
    """What calls use to query and update the memory. No call waits for the store.

    Args:
        runner: Passes calls to the store.
        memory: What the process knows of the fleet.
        shares_answers: The names of answers are kept, so that other processes can ask the provider about them.
    """

    def __init__(self, runner: Runner, memory: FleetMemory, *, shares_answers: bool = False) -> None:
        self._runner = runner
        self._memory = memory
        self._shares_answers = shares_answers

    def hash_value(self, value: object) -> int:
        """Hash what is known of an account or a setting, equally in all processes of the fleet."""
        return self._memory.hashes.hash_value(value)

    def sent(
        self,
        examination: Examination,
        segments: SegmentSource,
        prefix: PrefixIdentity,
        *,
        account: int,
        has_one_customer: bool,
    ) -> FleetCall | None:
        """Query what the fleet knows of a prompt that is being sent; None for one without segments.

        Args:
            examination: The examination of the prompt.
            segments: What it was hashed from.
            prefix: The identity of its template.
            account: The account that it is sent on, as a hash that is the same in every process.
            has_one_customer: The process has one customer, so all its accounts count as one.
        """
        if not examination.sent.prompt.links:
            return None
        return FleetCall(
            self._memory,
            examination,
            segments,
            account=0 if has_one_customer else account,
            answers=self._answers(examination, account),
            digest=prefix.digest if prefix.is_new_variant else None,
            submit=self._runner.submit,
        )

    def newest_answer(self, examination: Examination, account: int) -> str | None:
        """The provider's name for the newest answer of the template on the account; None if none is known."""
        key = self._answers(examination, account)
        return self._memory.answer(key) if key else None

    def flush(self) -> None:
        """Wait briefly until everything is written."""
        self._runner.flush()

    def stop(self) -> None:
        """Write what is still pending, if that does not take long, and end."""
        self._runner.stop()

    def _answers(self, examination: Examination, account: int) -> bytes | None:
        if not self._shares_answers:
            return None
        sent = examination.sent
        data = f"{sent.fingerprint} {sent.scope.host} {account}".encode("utf-8", "surrogatepass")
        return self._memory.hashes.hash(data, b"answers")


def open_fleet(
    address: StoreAddress,
    namespace: str,
    key: str | None,
    count: Callable[[OperationOutcome, int], None],
    count_fault: Callable[[str, Exception], None],
    *,
    shares_answers: bool,
) -> Fleet:
    """Prepare to use a store; the connection is made in the background, with the first request.

    Args:
        address: Where it is.
        namespace: Whose processes share it.
        key: Secret that keys all hashes; None for none.
        count: Called with the outcome of operations, and how many there were.
        count_fault: Called with the place of a fault of ours, and the fault.
        shares_answers: The names of answers are kept.

    Raises:
        ImportError: The package for it is not installed; the message says how to install it.
        ValueError: The address is not understood.
    """
    store = _store(address, namespace)
    return Fleet(
        Worker(store, count, count_fault, address.name),
        FleetMemory(namespace, key),
        shares_answers=shares_answers,
    )


def _store(address: StoreAddress, namespace: str) -> FleetStore:
    if address.path:
        from otel_promptcache.fleet.stores.sqlite_store import SqliteStore  # noqa: PLC0415  # needed for this address only

        return SqliteStore(address.path)
    from otel_promptcache.fleet.stores.redis_store import RedisStore  # noqa: PLC0415  # likewise

    return RedisStore(address.url, namespace)
