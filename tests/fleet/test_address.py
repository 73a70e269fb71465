"""The setting that says where the shared memory is."""

# ruff: noqa: S108  # addresses are parsed, not used

from __future__ import annotations

import pytest

from otel_promptcache.fleet.address import InvalidAddressError, namespace_of, parse_address


@pytest.mark.parametrize(
    ("text", "url", "path", "name"),
    [
        ("redis://h", "redis://h", "", "redis://h:6379"),
        ("REDIS://h/", "redis://h/", "", "redis://h:6379"),
        (
            "rediss://me:pass@h:7/2?ssl_cert_reqs=none&ssl_ca_certs=/ca.pem",
            "rediss://me:pass@h:7/2?ssl_cert_reqs=none&ssl_ca_certs=/ca.pem",
            "",
            "rediss://h:7",
        ),
        (
            "unix://:pass@/run/redis.sock?db=1",
            "unix://:pass@/run/redis.sock?db=1",
            "",
            "unix:///run/redis.sock",
        ),
        ("file:/dev/shm/fleet.db", "", "/dev/shm/fleet.db", "file:/dev/shm/fleet.db"),
        ("file:///dev/shm/a%20b.db", "", "/dev/shm/a b.db", "file:/dev/shm/a b.db"),
        ("file:fleet.db", "", "fleet.db", "file:fleet.db"),
    ],
)
def test_addresses(text: str, url: str, path: str, name: str) -> None:
    address = parse_address(text)
    assert (address.url, address.path, address.name) == (url, path, name)


@pytest.mark.parametrize(
    "text",
    [
        "localhost", "http://h", "redis:h", "redis://", "redis://:pa55@", "redis://u:pa55@h:port", "unix://", "file:",
        "file:/tmp/", "redis://h\n", "redis://[pa55", "x" * 2_000, "pa55@h", "redis://h?password=pa55:x\0",
        "redis://h/x", "redis://h/0/1", "redis://h/-1", "redis://a b", "redis://h?db=x", "unix:///s?db=", "redis://h?db",
        "redis://h?decode_responses=1", "redis://h?socket_timeout=30", "redis://h?unheard=1", "redis://:x?pa55@h",
        "redis://h?ssl_cert_reqs=none", "rediss://h?ssl_cert_reqs=pa55", "redis://:x#pa55@h", "redis://h#1",
        "file:a.db?mode=ro", "file:a%00b", "file:a%0Ab",
    ],
)  # fmt: skip
def test_what_is_none_is_refused_and_no_password_shown(text: str) -> None:
    with pytest.raises(InvalidAddressError, match=r"fleet is .*: expected ") as caught:
        parse_address(text)
    assert "pa55" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "namespace"), [("", "default"), ("a{b}é c", "a_b___c"), ("x" * 99, "x" * 64)]
)
def test_a_namespace_has_characters_of_a_key(text: str, namespace: str) -> None:
    assert namespace_of(text) == namespace
