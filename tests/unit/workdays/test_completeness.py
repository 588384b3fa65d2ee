"""Each stored punch is in a workday, or it is said why not; and the CRM has accepted each workday, or it is said why not."""

from collections import Counter
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select

from request_tracker_utils.attendance import clock_repairs, reviews
from request_tracker_utils.attendance.clock_repairs import NewRepair
from request_tracker_utils.attendance.completeness import DayProof, stored_per_day
from request_tracker_utils.attendance.models import Punch, ReviewDecision
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.workdays.completeness import ChainDay, ChainState, SyncState, chains, limited
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.punch_places import Place, count_places
from tests.services import workdays as made
from tests.services.attendance import added
from tests.services.punched_days import NOW, process, processor, punch, workdays
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")
FIRST, LAST = date(2026, 11, 14), date(2026, 11, 26)
LEE = Actor("lee")
NIGHT = dict.fromkeys(range(7), (time(22), time(6)))


def places(first: date = FIRST, last: date = LAST, *, joined: bool = True) -> dict[tuple[int, str], dict[str, int]]:
    """By terminal and day, without those that have no punches."""
    with reading() as session:
        how = processor(joined=joined).how(session)
        found = count_places(session, [1, 2], first, last, how)
        for terminal_id in (1, 2):  # nothing is lost, and nothing is counted twice
            of_terminal = {day: count.total() for (number, day), count in found.items() if number == terminal_id}
            assert of_terminal == stored_per_day(session, terminal_id, first, last)
    return {(terminal_id, f"{day:%m-%d}"): {place.value: n for place, n in count.items()} for (terminal_id, day), count in found.items()}


def punched() -> None:
    """Ada (17) uses two terminals, Grace (18) works at night, and Emmy (19) is unknown."""
    entrance, gym = added(), added("Gym", "10.0.0.51")
    grace = made.person("Grace", "18")
    made.person("Ada", "17")
    with transaction() as session:
        made.scheduled(session, "Night", [grace], NIGHT, FIRST - timedelta(days=30))
    punch(entrance, "17", "2026-11-16 08:00:00", "2026-11-16 08:02:00", "2026-11-16 18:00", "2026-11-17 01:30")
    punch(gym, "17", "2026-11-16 12:00", "2026-11-16 12:30", "2026-11-17 08:00")
    punch(entrance, "18", "2026-11-16 21:50", "2026-11-17 06:10", "2026-11-17 21:55")
    punch(entrance, "19", "2026-11-16 08:00", "2026-11-25 08:00", "2026-11-25 17:00")  # the last two are in the future
    with transaction() as session:
        future = session.scalars(select(Punch.id).where(Punch.implausible.is_not(None)).order_by(Punch.id.desc())).first()
        assert future is not None
        reviews.decide(session, future, ReviewDecision.IGNORED, actor=LEE, now=NOW)


@pytest.mark.both_databases
def test_each_punch_has_a_place() -> None:
    punched()
    waiting = places()
    assert waiting[1, "11-16"] == {"pending": 4, "repeated": 1}
    process()
    found = {
        (1, "11-16"): {"counted": 4, "repeated": 1},
        (1, "11-17"): {"counted": 1, "other_day": 2},
        (1, "11-25"): {"implausible": 1, "ignored": 1},
        (2, "11-16"): {"other_terminal": 2},
        (2, "11-17"): {"counted": 1},
    }
    assert places() == found
    assert {key: count for key, count in found.items() if key[1] == "11-17"} == places(date(2026, 11, 17), date(2026, 11, 17))
    inside = ("counted", "other_day", "other_terminal")
    in_workdays = sum(count for each in found.values() for place, count in each.items() if place in inside)
    with reading() as session:
        assert session.scalar(select(func.sum(Workday.punches))) == in_workdays == 10
    alone = places(joined=False)  # as the rows would be after that setting is changed
    assert alone[2, "11-16"] == {"pending": 2}


@pytest.mark.both_databases
def test_punches_follow_a_repair_of_the_clock() -> None:
    entrance, _gym = added(), added("Gym", "10.0.0.51")
    punch(entrance, "17", "2026-11-16 08:00", "2026-11-16 17:00", "2000-01-01 08:10", "2000-01-01 16:10")
    process()
    long_ago = (date(2000, 1, 1), date(2000, 1, 1))
    assert places(*long_ago) == {(1, "01-01"): {"implausible": 2}}
    with transaction() as session:
        first, last = session.scalars(select(Punch.id).where(Punch.implausible.is_not(None)).order_by(Punch.id)).all()
        moved = int((datetime.fromisoformat("2026-11-18") - datetime.fromisoformat("2000-01-01")).total_seconds())
        clock_repairs.apply(session, NewRepair(1, first, last, moved, "Set back"), actor=LEE, now=NOW)
    assert places(*long_ago) == {(1, "01-01"): {"pending": 2}}
    process()
    assert places(*long_ago) == {(1, "01-01"): {"other_day": 2}}
    assert [(f"{row.date}", row.punches) for row in workdays()] == [("2026-11-16", 2), ("2026-11-18", 2)]
    assert places() == {(1, "11-16"): {"counted": 2}}


def test_a_workday_that_says_something_else_is_noticed() -> None:
    punched()
    process()
    with transaction() as session:
        row = session.scalars(select(Workday).where(Workday.user_id == "19")).one()
        row.punches = 7
    assert places()[1, "11-16"] == {"counted": 3, "repeated": 1, "pending": 1}
    with transaction() as session:
        session.delete(session.get_one(Workday, row.id))
    assert places()[1, "11-16"]["pending"] == 1


@pytest.mark.both_databases
def test_workdays_are_followed_to_the_crm() -> None:
    added()
    over, soon = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)
    made.stored(
        made.workday("1", synced=True, window_ends_at=over),
        made.workday("2", synced=True, window_ends_at=soon),
        made.workday("3", window_ends_at=soon),
        made.workday("4", window_ends_at=NOW, crm_due_at=NOW),
        made.workday("5", window_ends_at=over, crm_problem="The CRM has rejected it."),
        made.workday("6", date(2026, 3, 3), window_ends_at=over, synced=True),
    )
    with reading() as session:
        [chain] = chains(session, [1], date(2026, 3, 1), date(2026, 3, 31), processor().how(session), has_crm=True)
    newest, oldest = chain.days
    assert (newest.day, newest.workdays, newest.stored, newest.proof) == (date(2026, 3, 3), {SyncState.ACCEPTED: 1}, 0, None)
    assert oldest.workdays == {SyncState.ACCEPTED: 2, SyncState.OPEN: 1, SyncState.WAITING: 1, SyncState.FAILED: 1}
    assert (chain.worst, chain.states) == (ChainState.FAILED, {ChainState.FAILED: 1, ChainState.COMPLETE: 1})


def test_the_first_thing_that_is_missing_is_named() -> None:
    day = date(2026, 3, 2)

    def named(expected: str, has_crm: bool, records: int, pending: int, **workdays: int) -> None:
        in_places = Counter({Place.COUNTED: 5 - pending, Place.PENDING: pending})
        chain = ChainDay(day, DayProof(day, records, 5), in_places, Counter({SyncState(name): count for name, count in workdays.items()}))
        assert chain.state(has_crm=has_crm) == expected

    def check(row: tuple[str, bool, int, int, dict[str, int]]) -> None:
        *values, workdays = row
        named(*values, **workdays)

    check_all(
        [
            (("missing", True, 6, 1, {"failed": 1}),),
            (("pending", True, 5, 1, {"failed": 1}),),
            (("failed", True, 5, 0, {"failed": 1, "waiting": 1, "open": 1, "accepted": 1}),),
            (("waiting", True, 5, 0, {"waiting": 1, "open": 1, "accepted": 1}),),
            (("no_crm", False, 5, 0, {"waiting": 1, "open": 1}),),
            (("open", False, 5, 0, {"open": 1, "accepted": 1}),),
            (("complete", True, 4, 0, {"accepted": 1}),),  # it has pushed since it was counted
        ],
        check,
    )


def test_pages_show_a_month_at_most() -> None:
    assert limited(None, date(2026, 3, 31), usual=7) == (date(2026, 3, 25), date(2026, 3, 31))
    assert limited(date(2020, 1, 1), date(2026, 3, 31), usual=7) == (date(2026, 3, 1), date(2026, 3, 31))
    assert limited(date(2027, 1, 1), date(2026, 3, 31), usual=7) == (date(2026, 3, 31), date(2026, 3, 31))
    assert limited(None, date.min, usual=7) == (date.min, date.min)
