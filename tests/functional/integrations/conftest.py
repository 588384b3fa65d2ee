from collections.abc import Iterator
from itertools import count

import pytest

from request_tracker_utils.integrations.rt import RtClient
from tests.services.fixtures import request_tracker  # noqa: F401
from tests.services.request_tracker import RequestTracker


class Counted:
    """What the client asked, in order."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str]] = []

    def __call__(self, method: str, kind: str, seconds: float, outcome: str) -> None:
        assert seconds >= 0
        self.requests.append((method, kind, outcome))


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def client(request_tracker: RequestTracker, counted: Counted) -> Iterator[RtClient]:  # noqa: F811
    with RtClient(request_tracker.url, request_tracker.token, read_timeout=30, on_request=counted) as client:
        yield client


_numbers = count(1)


@pytest.fixture
def fresh() -> str:
    """A text that no other test uses."""
    return f"fresh{next(_numbers)}x"
