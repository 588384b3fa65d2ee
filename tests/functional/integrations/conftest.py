from collections.abc import Iterator
from itertools import count

import pytest

from request_tracker_utils.integrations.rt import RtClient
from tests.services.request_tracker import RequestTracker


class Counted:
    """The client's requests since the start of the test, in order, without the sign-ins of its session."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str]] = []

    def __call__(self, method: str, kind: str, seconds: float, outcome: str) -> None:
        assert seconds >= 0
        if kind != "session":
            self.requests.append((method, kind, outcome))


@pytest.fixture(scope="session")
def _counted() -> Counted:
    return Counted()


@pytest.fixture(scope="session")
def _client(request_tracker: RequestTracker, _counted: Counted) -> Iterator[RtClient]:
    with RtClient(request_tracker.url, request_tracker.token, read_timeout=30, on_request=_counted) as client:
        yield client


@pytest.fixture
def counted(_counted: Counted) -> Counted:
    _counted.requests.clear()
    return _counted


@pytest.fixture
def client(_client: RtClient, counted: Counted) -> RtClient:
    """One client for all tests, so that its session is started once."""
    return _client


_numbers = count(1)


@pytest.fixture
def fresh() -> str:
    """A text that no other test uses."""
    return f"fresh{next(_numbers)}x"
