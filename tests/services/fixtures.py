"""Fixtures that start the real services. A root conftest imports the names."""

from collections.abc import Iterator

import pytest

from tests.services.request_tracker import NOT_INSTALLED, RequestTracker, installed


@pytest.fixture(scope="session")
def request_tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RequestTracker]:
    """One Request Tracker for the whole run (one for each xdist worker), without a webhook.

    Tests make their own assets and leave others' alone.
    """
    if not installed():
        pytest.skip(NOT_INSTALLED)
    with RequestTracker(tmp_path_factory.mktemp("rt"), workers=3) as running:
        yield running
