"""Several calls of one approval link at the same moment, through two server processes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from request_tracker_utils.cable_tickets.models import TICKET_SOURCE
from request_tracker_utils.core.db import reading
from request_tracker_utils.inventory.models import Reservation
from tests.services.approving import events, path_to, requested, ticket
from tests.services.apps import user
from tests.services.at_once import answers_at_once
from tests.services.installation import Installation
from tests.services.messages import stored_messages
from tests.services.stocking import check_books, delivered

pytestmark = pytest.mark.both_databases


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    running = Installation(tmp_path, database_url, "W12-")
    for name in ("ada", "grace"):
        user(running.app, "staff", name, email=f"{name}@example.org")
    with running.app.app_context():
        delivered(("Cat6", "100 ft", 5))
    yield running
    running.close()


def posted(installation: Installation, paths: list[str], reason: str = "") -> list[requests.Response]:
    """The answers to calls that start together."""
    return answers_at_once([partial(installation.call, "POST", path, json={"reason": reason}) for path in paths])


def test_of_eight_posts_one_decides(installation: Installation) -> None:
    with installation.app.app_context():
        number = requested(to="grace", now=datetime.now(UTC))
        path = path_to(number, "grace")
    answers = posted(installation, [path] * 8)
    assert sorted(answer.status_code for answer in answers) == [200, *[410] * 7]
    assert {answer.json().get("link_state") for answer in answers} == {None, "decided"}
    with installation.app.app_context(), reading() as session:
        assert [event for event in events(number) if event[0] == "approved"] == [("approved", "grace")]
        reserved = session.scalars(select(Reservation).where(Reservation.source_type == TICKET_SOURCE)).all()
        assert [(each.source_id, each.reserved) for each in reserved] == [(number, 1)]
        sent = [(row.event, row.address) for row in stored_messages(installation.app)]
        assert sent == [("ticket-approval", "grace@example.org"), ("ticket-decision", "ada@example.org")]
        check_books()


def test_of_approving_and_rejecting_at_once_one_is_done(installation: Installation) -> None:
    with installation.app.app_context():
        number = requested(to="grace", now=datetime.now(UTC))
        path = path_to(number, "grace")
    answers = posted(installation, [path, path.replace("/approve/", "/reject/")] * 4, "No")
    assert sorted(answer.status_code for answer in answers) == [200, *[410] * 7]
    with installation.app.app_context():
        assert [name for name, _who in events(number)] == ["created", ticket(number).status]
        assert len(stored_messages(installation.app)) == 2
        check_books()
