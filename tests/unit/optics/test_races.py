"""Several people at the same moment: one decision, one request for each key, and a list of parts without gaps."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import select

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.optics import parts, service
from request_tracker_utils.optics.messages import OpticsMessages
from request_tracker_utils.optics.models import OTHER, OpticsPart, OpticsRequest
from request_tracker_utils.optics.service import NewRequest, OpticsAction
from tests.services.stocking import Sent
from tests.unit.inventory.test_races import at_once

THREADS = 8
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def how(name: str, messenger: Sent) -> dict[str, Any]:
    return {"actor": Actor(name, user_id=None), "now": NOW, "messages": OpticsMessages(messenger, ("a@example.org",))}


def requested(messenger: Sent, *, key: str = "", quantity: int = 1) -> int:
    with transaction() as session:
        return service.create(session, NewRequest(OTHER, "LR4", quantity), request_key=key, **how("grace", messenger))[0].id


def test_one_of_eight_decisions_at_once_counts(inside: Flask) -> None:
    sent = Sent()
    request_id = requested(sent)

    def decide(number: int) -> None:
        action = (OpticsAction.APPROVE, OpticsAction.DENY)[number % 2]
        with transaction() as session:
            service.decide(session, request_id, action, note=f"by {number}", **how(f"admin {number}", sent))

    answers = at_once(inside, [lambda number=number: decide(number) for number in range(THREADS)])  # type: ignore[misc]
    assert answers == {"": 1, "step_not_open": THREADS - 1}
    with reading() as session:
        request = session.get_one(OpticsRequest, request_id)
        number = int(request.admin_note.removeprefix("by "))
        assert (request.decided_by, request.decision) == (f"admin {number}", ("approved", "denied")[number % 2])

    def archive() -> None:
        with transaction() as session:
            service.decide(session, request_id, OpticsAction.ARCHIVE, **how("ada", sent))

    assert at_once(inside, [archive] * THREADS) == {"": 1, "step_not_open": THREADS - 1}


def test_a_form_sent_eight_times_at_once_is_one_request_with_one_alert(inside: Flask) -> None:
    sent = Sent()
    answers = at_once(inside, [lambda: requested(sent, key="form-1")] * THREADS)
    assert answers == {"": THREADS}
    with reading() as session:
        assert len(session.scalars(select(OpticsRequest)).all()) == 1
    assert len(sent.messages) == 1
    other = at_once(inside, [lambda: requested(sent, key="form-1", quantity=2)] * 2)
    assert other == {"idempotency_key_reused": 2}


def test_changes_of_the_list_at_once_leave_each_part_once_and_in_order(inside: Flask) -> None:
    def add(name: str) -> None:
        with transaction() as session:
            parts.add_part(session, name)

    names = [f"SFP-{number}" for number in range(THREADS)]
    answers = at_once(inside, [lambda name=name: add(name) for name in [*names, *names]])  # type: ignore[misc]
    assert answers == {"": THREADS, "optics_part_exists": THREADS}
    with reading() as session:
        ids = [part.id for part in parts.list_parts(session)]

    def move(part_id: int, *, up: bool) -> None:
        with transaction() as session:
            parts.move_part(session, part_id, up=up)

    def remove(part_id: int) -> None:
        with transaction() as session:
            parts.remove_part(session, part_id)

    moves = [lambda part_id=part_id, up=up: move(part_id, up=up) for part_id in ids[2:] for up in (True, False)]  # type: ignore[misc]
    answers = at_once(inside, [*moves, lambda: remove(ids[0]), lambda: remove(ids[0]), lambda: remove(ids[1])])
    assert answers == Counter({"": len(moves) + 2, "optics_part_not_found": 1})
    with reading() as session:
        found = parts.list_parts(session)
        assert sorted(part.id for part in found) == ids[2:]
        positions = [part.position for part in found]
        assert len(set(positions)) == len(positions), "no two parts have one position"
        assert parts.part_names(session)[-1] == OTHER
        assert session.scalar(select(OpticsPart.id).where(OpticsPart.name_key == "other")) is None
