"""The memory that processes share."""

import pytest

pytest.register_assert_rewrite("tests.fleet.verdicts")
