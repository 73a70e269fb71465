"""A Redis that is reached by TLS, with the test's own certificate."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.stack.applications import Begin, until_shared
from tests.stack.redis import RedisServer
from tests.stack.services import free_port


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    file = tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(tmp_path / "key.pem"), "-out", str(file)),
        ],
        check=True,
        capture_output=True,
    )
    return file


def test_a_server_is_trusted_by_its_certificate_only(
    certificate: Path, begin_at: Begin, tmp_path: Path
) -> None:
    port = free_port()
    options = (
        *("--tls-port", str(port), "--bind", "127.0.0.1", "--tls-auth-clients", "no"),
        *("--tls-cert-file", str(certificate), "--tls-key-file", str(tmp_path / "key.pem")),
    )
    with RedisServer(tmp_path, *options):
        application = begin_at(f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificate}")
        until_shared(application)
        suspicious = begin_at(f"rediss://127.0.0.1:{port}")
        assert suspicious.ask()["promptcache.history"] == "process"
        assert set(suspicious.outcomes()) == {"failed"}
        suspicious.end()
        assert suspicious.log.read_text().count("is unavailable (ConnectionError)") == 1
