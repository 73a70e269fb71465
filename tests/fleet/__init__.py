"""Memory shared by processes."""

import pytest

pytest.register_assert_rewrite("tests.fleet.verdicts")
