"""What tests of reading terminals share."""

from collections.abc import Iterator

import pytest

from request_tracker_utils.attendance.reading import TerminalReader
from tests.services.attendance_network import network  # noqa: F401 — a fixture


@pytest.fixture(scope="module")
def reader() -> Iterator[TerminalReader]:
    """Reads them."""
    reader = TerminalReader()
    yield reader
    reader.close()
