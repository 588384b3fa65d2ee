"""Tallies: the shards of closed connections are merged, and rows of running transactions are left alone."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.tallies import merge_shards
from request_tracker_utils.students.counts import current_counts
from request_tracker_utils.students.models import Tally
from tests.services.school import School


def test_shards_are_merged_and_counts_stay_the_same(app: Flask) -> None:
    school = School(app)
    school.students(3)
    school.student("K1", grade="K")
    school.devices(2)
    school.assign("W12-0001", "1001")
    with app.app_context():
        with transaction() as session:
            shards = session.scalar(select(func.count()).select_from(Tally).where(Tally.shard != 0)) or 0
            session.add(Tally(subject="students", grade="12", status="pending", shard=7, count=2))
            session.add(Tally(subject="students", grade="12", status="pending", shard=8, count=-2))
            session.flush()
            before = current_counts(session)
        with transaction() as session:
            assert merge_shards(session, Tally) == shards + 2
        with reading() as session:
            assert current_counts(session) == before
            assert session.scalar(select(func.count()).select_from(Tally).where((Tally.shard != 0) | (Tally.count == 0))) == 0
        with transaction() as session:
            assert merge_shards(session, Tally) == 0
    assert not school.miscounted()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_locked_rows_are_merged_by_a_later_run(app: Flask) -> None:
    """SQLite has one writer at a time."""
    with app.app_context():
        with transaction() as session:
            session.add_all(Tally(subject="devices", grade="", status="retired", shard=shard, count=1) for shard in (7, 8))
        with transaction() as holding:
            holding.scalars(select(Tally).where(Tally.shard == 7).with_for_update()).all()
            with transaction() as session:
                assert merge_shards(session, Tally) == 1
        with transaction() as session:
            assert merge_shards(session, Tally) == 1
        with reading() as session:
            assert current_counts(session).devices["retired"] == 2
