"""What tests of accounts share."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from tests.services.recorded_messages import mailbox  # noqa: F401 — a fixture


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Time stands still until it is shifted."""
    with time_machine.travel(datetime.now(UTC), tick=False) as traveller:
        yield traveller
