from collections.abc import Iterator

import pytest

from tests.services.local_server import LocalServer, Reply

TOKEN = "1-14-s3cr3t0123456789abcdef"


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """Replaces Request Tracker."""
    with LocalServer(lambda call: Reply({"Version": "5.0.3"})) as server:
        yield server
