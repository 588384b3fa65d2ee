"""What tests of reading terminals share."""

from collections.abc import Iterator

import pytest

from request_tracker_utils.attendance.reading import TerminalReader
from tests.services.attendance_network import AttendanceNetwork, attendance_network


@pytest.fixture(scope="module")
def network() -> Iterator[AttendanceNetwork]:
    """Serves the simulated terminals of a module."""
    with attendance_network() as network:
        yield network


@pytest.fixture(scope="module")
def reader() -> Iterator[TerminalReader]:
    """Reads them."""
    reader = TerminalReader()
    yield reader
    reader.close()
