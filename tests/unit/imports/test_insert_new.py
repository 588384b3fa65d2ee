"""`bulk.insert_new` inserts the rows that all unique indexes allow, in their order, and changes nothing of what is known."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from request_tracker_utils.attendance.models import QuarantinedRecord, TerminalUserRow
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.imports import bulk
from tests.services.attendance import NOW, added

pytestmark = pytest.mark.usefixtures("inside")
USERS = ("user_id", "uid", "name")


def inserted(rows: list[tuple[object, ...]], terminal_id: int) -> int:
    shared = {"terminal_id": terminal_id, "first_seen_at": NOW, "changed_at": NOW}
    with transaction() as session:
        return bulk.insert_new(session, TerminalUserRow.__table__, USERS, rows, shared)  # type: ignore[arg-type]


def stored(terminal_id: int) -> list[tuple[str, int | None, str]]:
    with reading() as session:
        query = select(TerminalUserRow).where(TerminalUserRow.terminal_id == terminal_id).order_by(TerminalUserRow.id)
        return [(each.user_id, each.uid, each.name) for each in session.scalars(query)]


def test_only_new_rows_are_inserted_in_their_order_and_counted() -> None:
    terminal_id = added().id
    assert inserted([], terminal_id) == 0
    assert inserted([("9", 1, "Ada"), ("10", None, "Grace"), ("9", 2, "Twice in one call")], terminal_id) == 2
    assert inserted([("9", 3, "Another name"), ("11", 4, "Alan")], terminal_id) == 1
    assert stored(terminal_id) == [("9", 1, "Ada"), ("10", None, "Grace"), ("11", 4, "Alan")]


def test_every_text_arrives_as_it_is() -> None:
    texts = ["", "NULL", "null", '"', "\\", '\\"', "{}", "a,b", "a;b", "'", "%s", "é", "名", "🙂", " a ", "\n", "\t", "$1", "\\x41"]
    terminal_id = added().id
    assert inserted([(str(number), None, text) for number, text in enumerate(texts)], terminal_id) == len(texts)
    assert [name for *_, name in stored(terminal_id)] == texts


def test_bytes_and_shared_times_arrive_as_they_are() -> None:
    received_at = datetime(2026, 3, 2, 18, 0, 0, 123_456, tzinfo=UTC)
    raw = [bytes(range(256)), b"", b"\\x00", b"\0"]
    shared = {"terminal_id": added().id, "source": "poll", "reason": "x", "received_at": received_at}
    rows = [(each, each[:32], position) for position, each in enumerate(raw)]
    with transaction() as session:
        names = ("raw", "digest", "position")
        assert bulk.insert_new(session, QuarantinedRecord.__table__, names, rows, shared) == 4  # type: ignore[arg-type]
    with reading() as session:
        found = session.scalars(select(QuarantinedRecord).order_by(QuarantinedRecord.position)).all()
        assert [(each.raw, each.received_at) for each in found] == [(each, received_at) for each in raw]
