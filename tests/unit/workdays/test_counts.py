"""Counts of workdays are what counting the rows says, whatever happens to them."""

import random
from datetime import date, timedelta
from itertools import product

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import reading, transaction, upsert_into
from request_tracker_utils.core.tallies import merge_shards
from request_tracker_utils.workdays import jobs
from request_tracker_utils.workdays.counts import sync_counts
from request_tracker_utils.workdays.listing import WorkdayFilter, count_workdays, find_workdays, matching
from request_tracker_utils.workdays.models import Workday, WorkdayTally
from tests.services.attendance import NOW, added
from tests.services.workdays import MONDAY, stored, workday

FLAGS = (None, True, False)


@pytest.fixture(autouse=True)
def terminals(inside: Flask) -> None:
    added(), added("Gym", "10.0.0.51")


def counted_one_by_one(session: Session, filters: WorkdayFilter) -> int:
    return session.scalar(select(func.count()).select_from(Workday).where(*matching(filters))) or 0


def check(dice: random.Random) -> None:
    days = [None, *(MONDAY + timedelta(days=dice.randint(-40, 140)) for _ in range(4)), date(2026, 4, 1), date(2026, 5, 31)]
    with reading() as session:
        for first, last, _time in product(days, days, range(3)):
            filters = WorkdayFilter("", dice.choice((None, 1)), first, last, dice.choice(FLAGS), dice.choice(FLAGS))
            assert count_workdays(session, filters) == counted_one_by_one(session, filters), filters
        rows = session.scalars(select(Workday)).all()
        counts = sync_counts(session)
        assert (counts.total, counts.synced) == (len(rows), sum(row.synced_to_crm for row in rows))
        assert counts.failed == sum(not row.synced_to_crm and row.sync_attempts >= 3 for row in rows)


def test_counts_follow_inserts_updates_and_deletions() -> None:
    dice = random.Random(7)
    stored(
        *(
            workday(
                str(number),
                MONDAY + timedelta(days=dice.randrange(120)),
                terminal_id=dice.choice((1, 2)),
                synced=dice.random() < 0.5,
                sync_attempts=dice.choice((0, 0, 2, 3)),
                outlier_reason=dice.choice(("", "Clock-in at 05:00")),
            )
            for number in range(120)
        )
    )
    check(dice)
    with transaction() as session:
        for row in session.scalars(select(Workday).where(Workday.id % 3 == 0)):
            row.revision, row.synced_to_crm, row.terminal_id = row.revision + 1, False, 2
        session.flush()
        session.execute(delete(Workday).where(Workday.id % 7 == 0))
    check(dice)
    assert jobs.merge_counts() >= 0
    check(dice)
    with reading() as session:
        assert set(session.scalars(select(WorkdayTally.shard))) == {0}


def test_an_upsert_counts_a_row_once() -> None:
    row, written = workday(), {column.key for column in Workday.__table__.columns} - {"id"}
    values = {name: getattr(row, name) for name in written}
    values |= dict.fromkeys(("sync_attempts", "crm_attempts"), 0)
    values |= dict.fromkeys(("synced_to_crm", "is_late", "is_early", "is_half_day"), False)
    for reason in ("", "Clock-in at 05:00", "Clock-in at 04:59"):
        with transaction() as session:
            changed = {"outlier_reason": reason, "is_outlier": bool(reason)}
            insert = upsert_into(session)(Workday).values(**{**values, **changed})
            session.execute(insert.on_conflict_do_update(index_elements=["user_id", "date", "terminal_id"], set_=changed))
    with reading() as session:
        assert count_workdays(session, WorkdayFilter()) == count_workdays(session, WorkdayFilter(is_outlier=True)) == 1


def test_lists_with_filters_use_partial_indexes() -> None:
    stored(*(workday(str(number), MONDAY + timedelta(days=number % 50)) for number in range(500)))
    cases = {
        "ix_workdays_outliers": WorkdayFilter(is_outlier=True),
        "ix_workdays_unsynced": WorkdayFilter(is_synced=False, first=MONDAY),
        "ix_workdays_review": WorkdayFilter(to_review_at=NOW),
        "ix_workdays_terminal_id": WorkdayFilter(terminal_id=1),
    }
    with transaction() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SET LOCAL enable_seqscan = off"))
            session.execute(text("SET LOCAL enable_sort = off"))
        explain = "EXPLAIN " if session.get_bind().dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        for index, filters in cases.items():
            query = select(Workday.id).where(*matching(filters)).order_by(Workday.date.desc(), Workday.id.desc()).limit(10)
            compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            plan = " ".join(str(row) for row in session.execute(text(explain + str(compiled).replace(":", "\\:"))))
            assert index in plan
            assert "TEMP B-TREE" not in plan
    with reading() as session:
        assert find_workdays(session, WorkdayFilter(is_outlier=True), size=10).rows == []


def test_the_shards_of_a_tally_are_merged() -> None:
    stored(workday())
    with transaction() as session:
        merge_shards(session, WorkdayTally)
        assert session.scalar(select(func.sum(WorkdayTally.count))) == 1
