"""Runs that send workdays to a CRM, with every bad day that it may have."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import update

from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.settings import load_settings
from request_tracker_utils.tasks.jobs import in_context_of_app
from request_tracker_utils.workdays.content import LEASE, content_digest
from request_tracker_utils.workdays.crm import outbox
from request_tracker_utils.workdays.crm.client import CrmClient
from request_tracker_utils.workdays.crm.outbox import NOT_REACHED, RETRY, Selection
from request_tracker_utils.workdays.crm.responses import CrmDenied, CrmFailedForNow, CrmUnreachable
from request_tracker_utils.workdays.crm.sync import CrmSync, NoCrm, SyncError
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.rules import NO_PUNCHES
from tests.services.attendance import added
from tests.services.crm import PAGE, TOKEN, Fails, Failure, FakeCrm, always, first, never, one_in_twenty
from tests.services.crm_workdays import CLOSED, DAY, NOW, changed, computed, nowhere, stored, sync
from tests.services.local_server import Call, Reply
from tests.services.server import free_port
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")

BUSY = Reply({"detail": "busy"}, status=503)
SOON, MUCH_LATER = NOW + timedelta(minutes=30), NOW + RETRY


@pytest.fixture
def crm() -> Iterator[FakeCrm]:
    with FakeCrm() as server:
        yield server


def poison(reply: Reply) -> Fails:
    """Only user 7 fails."""
    return lambda call, _attempt: Failure(reply) if call.json["user_id"] == "7" else None


def test_each_workday_is_sent_once(crm: FakeCrm) -> None:
    computed(250)
    result = sync(crm.client())
    assert (result.total, result.successful, result.failed, result.errors, result.stopped) == (250, 250, 0, [], None)
    assert len(crm.workdays) == len(crm.calls) == 250
    row = stored()["7"]
    assert (row.synced_to_crm, row.accepted_revision, row.sync_attempts, row.crm_due_at, row.crm_attempts) == (True, 1, 1, None, 0)
    assert (row.synced_at, row.last_sync_attempt, row.crm_answer) == (NOW, NOW, '201 {"success": true}')
    assert sync(crm.client(), now=MUCH_LATER).total == 0
    assert len(crm.calls) == 250


def test_only_days_of_which_the_window_has_closed_are_sent(crm: FakeCrm) -> None:
    computed(3)
    assert sync(crm.client(), now=CLOSED - timedelta(seconds=1)).total == 0
    assert sync(crm.client(), Selection(again=True), now=CLOSED - timedelta(seconds=1)).total == 0
    assert sync(crm.client(), now=CLOSED).total == 3


def test_a_day_without_a_second_punch_and_one_without_any_are_sent_without_these_times(crm: FakeCrm) -> None:
    terminal_id = computed(1, clock_out=None, last_at=None, worked_seconds=0)
    computed(1, first=2, terminal_id=terminal_id, clock_in=None, clock_out=None, first_at=None, last_at=None, worked_seconds=0)
    sync(crm.client())
    assert [(body["clock_in"], body["clock_out"]) for _key, body in sorted(crm.workdays.items())] == [
        ("2026-03-02T14:00:00Z", None),
        (None, None),
    ]


def test_a_workday_that_failed_three_times_waits_six_hours_without_end(crm: FakeCrm) -> None:
    """And holds up no other."""
    computed(20)
    crm.fails = poison(BUSY)
    result = sync(crm.client())
    assert (result.total, result.successful, result.failed) == (20, 19, 1)
    assert result.errors == [SyncError("7", DAY, 'The CRM had an error (503). 503 {"detail": "busy"}')]
    assert len(crm.calls) == 19 + 3
    assert sync(crm.client(), now=SOON).total == 0
    for runs in range(2, 6):
        assert sync(crm.client(), now=NOW + (runs - 1) * RETRY).failed == 1
        assert (stored()["7"].sync_attempts, len(crm.calls)) == (runs, 19 + 3 * runs)
    assert stored()["7"].crm_problem == "The CRM had an error (503)."
    crm.fails = never
    assert sync(crm.client(), now=NOW + 9 * RETRY).successful == 1
    row = stored()["7"]
    assert (row.synced_to_crm, row.crm_problem, row.sync_attempts) == (True, None, 6)


def test_a_rejected_workday_waits_for_a_person_or_a_change(crm: FakeCrm) -> None:
    computed(20)
    crm.fails = poison(Reply({"user_id": "unknown"}, status=422))
    assert (sync(crm.client()).successful, len(crm.calls)) == (19, 20)
    row = stored()["7"]
    assert (row.crm_due_at, row.crm_problem, row.sync_attempts) == (None, "The CRM rejects the workday (422).", 1)
    assert row.crm_answer == '422 {"user_id": "unknown"}'
    assert sync(crm.client(), now=NOW + timedelta(days=30)).total == 0
    assert sync(crm.client(), Selection(failed_only=True), now=MUCH_LATER).total == 0
    assert sync(crm.client(), Selection(failed_only=True, rejected=True), now=MUCH_LATER).failed == 1
    with transaction() as session:
        assert outbox.send_again(session, [row.id], now=MUCH_LATER) == 1
    assert sync(crm.client(), now=MUCH_LATER).failed == 1
    crm.fails = never
    changed("7", now=MUCH_LATER)
    assert sync(crm.client(), now=MUCH_LATER).successful == 1


def test_retrying_failed_ones_does_not_wait_and_sends_nothing_else(crm: FakeCrm) -> None:
    terminal_id = computed(5)
    crm.fails = always(BUSY)
    assert sync(crm.client()).failed == 5
    computed(5, first=100, terminal_id=terminal_id)
    crm.fails = never
    assert sync(crm.client(), Selection(failed_only=True), now=SOON).successful == 5
    assert set(crm.workdays) == {(str(number), "2026-03-02") for number in range(1, 6)}
    assert sync(crm.client(), now=SOON).successful == 5


def test_a_wrong_token_ends_the_run_and_counts_for_no_workday(crm: FakeCrm) -> None:
    computed(60)
    result = sync(CrmClient(crm.address, "wrong", allow_http=True))
    assert isinstance(result.stopped, CrmDenied)
    assert len(crm.calls) <= 16
    assert {(row.sync_attempts, row.crm_attempts, row.crm_problem) for row in stored().values()} == {(0, 0, None)}
    assert sync(crm.client(), now=SOON).successful == 60


def test_a_crm_down_for_a_week_gets_few_requests_and_then_everything_once(crm: FakeCrm) -> None:
    computed(200)
    port = free_port()
    for day in range(7):
        result = sync(nowhere(port), now=NOW + timedelta(days=day))
        assert isinstance(result.stopped, CrmUnreachable)
        assert 10 <= result.total <= 20
        sync(nowhere(port), Selection(failed_only=True), now=NOW + timedelta(days=day, hours=6))
    assert {(row.sync_attempts, row.crm_attempts, row.crm_problem) for row in stored().values()} == {(0, 0, None)}
    assert sync(crm.client(), now=NOW + timedelta(days=7)).successful == 200
    assert set(crm.stored.values()) == {1}
    assert len(crm.stored) == len(crm.calls) == 200


def test_one_workday_that_does_not_get_through_is_tried_again_soon(crm: FakeCrm) -> None:
    computed(1)
    result = sync(nowhere(free_port()))
    assert (result.total, result.failed, result.stopped) == (1, 1, None)
    assert stored()["1"].sync_attempts == 0
    assert sync(crm.client(), now=NOW + NOT_REACHED).successful == 1


def test_lost_answers_and_failures_leave_each_workday_exactly_once(crm: FakeCrm) -> None:
    computed(400)
    crm.fails = one_in_twenty
    assert sync(crm.client()).successful == 400
    assert set(crm.stored.values()) == {1}
    assert len(crm.stored) == 400
    assert len(crm.calls) > 400


def test_bad_answers_are_tried_again_under_the_same_key(crm: FakeCrm) -> None:
    def check(reply: Reply) -> None:
        with transaction() as session:
            outbox.make_due(session, Selection(again=True), limit=None, now=NOW)
        crm.fails, before = first(1, reply, stores=True), len(crm.calls)
        crm.attempts.clear()
        result = sync(crm.client())
        assert (result.successful, result.failed, len(crm.calls) - before) == (1, 0, 2)
        assert len(crm.stored) == 1

    computed(1)
    redirect = Reply(status=302, headers={"Location": "/login"})
    success_denied, rubbish = Reply({"success": False}), Reply(b"\x00\x01")
    slow = Reply(status=408)
    check_all([(PAGE,), (redirect,), (success_denied,), (rubbish,), (slow,), (BUSY,), (Reply(hang_up=True),)], check)


def test_a_crm_that_answers_too_slowly_is_left_alone_after_a_few_requests(crm: FakeCrm) -> None:
    computed(200)
    crm.fails = always(Reply(b" " * 500, every=0.2))
    result = sync(crm.client(seconds=0.3))
    assert isinstance(result.stopped, CrmFailedForNow)
    assert len(crm.calls) <= 20
    crm.fails = never
    assert sync(crm.client(), now=MUCH_LATER).successful == 200


def test_an_error_page_for_everything_ends_the_run_and_the_next_one_begins_with_others(crm: FakeCrm) -> None:
    computed(200)
    crm.fails = always(PAGE)
    result = sync(crm.client())
    assert isinstance(result.stopped, CrmFailedForNow)
    assert 100 <= len(crm.calls) < 116
    tried = {user_id for user_id, row in stored().items() if row.sync_attempts}
    assert 33 <= len(tried) < 120
    crm.calls.clear()
    sync(crm.client(), now=SOON)
    assert not tried & {call.json["user_id"] for call in crm.calls}


def test_a_long_pause_that_the_crm_asks_for_ends_the_run_and_is_kept(crm: FakeCrm) -> None:
    computed(100)
    crm.fails = always(Reply(status=429, headers={"Retry-After": "1200"}))
    result = sync(crm.client())
    assert isinstance(result.stopped, CrmFailedForNow)
    assert len(crm.calls) <= 16
    crm.fails = never
    assert sync(crm.client(), now=NOW + timedelta(minutes=19)).total == 0
    assert sync(crm.client(), now=NOW + timedelta(minutes=20)).successful == 100


def test_a_renamed_terminal_resends_nothing_and_a_changed_day_is_sent_under_a_new_key(crm: FakeCrm) -> None:
    terminal_id = computed(3)
    sync(crm.client())
    with transaction() as session:
        session.execute(update(Terminal).where(Terminal.id == terminal_id).values(name="Side door"))
    changed("2", now=SOON)
    assert sync(crm.client(), now=SOON).successful == 1
    last = crm.calls[-1]
    assert (last.json["user_id"], last.json["clock_in"], last.json["device_name"]) == ("2", "2026-03-02T15:00:00Z", "Side door")
    assert len(crm.stored) == 4
    changed("2", now=SOON, hour=14)  # back to what it was
    sync(crm.client(), now=SOON)
    assert crm.workdays["2", "2026-03-02"]["clock_in"] == "2026-03-02T14:00:00Z"
    row = stored()["2"]
    assert (row.revision, row.accepted_revision, row.synced_to_crm, len(crm.stored)) == (3, 3, True, 5)


def test_a_day_that_changes_while_it_is_sent_is_sent_again_with_its_new_content(crm: FakeCrm) -> None:
    computed(5)

    def change(call: Call, _attempt: int) -> None:
        if call.json["user_id"] == "3" and call.json["clock_in"] == "2026-03-02T14:00:00Z":
            changed("3", now=NOW)

    crm.fails = in_context_of_app()(change)
    assert sync(crm.client()).successful + sync(crm.client()).successful == 6
    row = stored()["3"]
    assert (row.revision, row.accepted_revision, row.synced_to_crm) == (2, 2, True)
    assert crm.workdays["3", "2026-03-02"]["clock_in"] == "2026-03-02T15:00:00Z"


def test_an_older_content_that_arrives_after_a_newer_one_is_replaced_again(crm: FakeCrm) -> None:
    """The lease of the older one had ended, so another server sent the newer one meanwhile."""
    computed(1)
    with transaction() as session:
        [(claim, record)] = outbox.claim(session, Selection(), limit=1, now=NOW)
    changed("1", now=NOW)
    later = NOW + LEASE
    assert sync(crm.client(), now=later).successful == 1
    sent = crm.client().send(record)  # the older one arrives
    assert crm.workdays["1", "2026-03-02"]["clock_in"] == "2026-03-02T14:00:00Z"
    with transaction() as session:
        outbox.end(session, claim, sent, stopped=None, now=later)
    assert sync(crm.client(), now=later).successful == 1
    assert crm.workdays["1", "2026-03-02"]["clock_in"] == "2026-03-02T15:00:00Z"
    row = stored()["1"]
    assert (row.revision, row.accepted_revision, row.synced_to_crm) == (3, 3, True)


def test_each_change_waits_for_a_running_attempt_and_none_for_the_pause_after_a_failure(crm: FakeCrm) -> None:
    computed(1)
    with transaction() as session:
        [(claim, record)] = outbox.claim(session, Selection(), limit=1, now=NOW)
    for hour in (15, 16):
        changed("1", now=NOW, hour=hour)
        assert sync(crm.client(), now=NOW).total == 0
    with transaction() as session:
        outbox.end(session, claim, crm.client().send(record), stopped=None, now=NOW)
    crm.fails = poison(BUSY)
    assert sync(crm.client(), now=NOW).successful == 1
    assert crm.workdays["1", "2026-03-02"]["clock_in"] == "2026-03-02T16:00:00Z"

    computed(1, terminal_id=stored()["1"].terminal_id, first=7)
    assert sync(crm.client()).failed == 1
    crm.fails = never
    changed("7", now=SOON)
    assert sync(crm.client(), now=SOON + LEASE).successful == 1


def test_a_day_that_moved_to_another_terminal_arrives_after_the_empty_one(crm: FakeCrm) -> None:
    """The CRM knows one workday of a user and date."""
    computed(1, terminal_id=(entrance := added("Entrance").id))
    computed(1, terminal_id=added("Gate", "10.0.0.9").id)
    sync(crm.client())
    empty = {"clock_in": None, "clock_out": None, "content_digest": content_digest(None, None, NO_PUNCHES)}
    again = {"revision": 2, "synced_to_crm": False, "crm_due_at": CLOSED}
    with transaction() as session:
        session.execute(update(Workday).where(Workday.terminal_id != entrance).values(**empty, **again))
    sync(crm.client(), now=SOON)
    assert crm.workdays["1", "2026-03-02"]["clock_in"] is None
    assert sync(crm.client(), now=SOON).successful == 1
    assert crm.workdays["1", "2026-03-02"]["clock_in"] == "2026-03-02T14:00:00Z"
    assert sync(crm.client(), now=MUCH_LATER).total == 0


def test_what_is_claimed_by_another_server_is_not_sent(crm: FakeCrm) -> None:
    computed(20)
    with transaction() as session:
        outbox.claim(session, Selection(), limit=5, now=NOW)
    assert sync(crm.client(), now=NOW).successful == 15
    for selection in (Selection(), Selection(failed_only=True, rejected=True), Selection(again=True, end_date=DAY)):
        sync(crm.client(), selection, now=NOW)
        assert "1" not in {call.json["user_id"] for call in crm.calls}
    assert sync(crm.client(), now=NOW + LEASE).successful == 5


def test_what_is_selected_is_sent(crm: FakeCrm) -> None:
    terminal_id = computed(5)
    computed(5, terminal_id=terminal_id, date=date(2026, 3, 3), window_ends_at=CLOSED)

    def check(selection: Selection, limit: int | None, expected: int) -> None:
        with transaction() as session:
            session.execute(update(Workday).values(crm_due_at=CLOSED))
        crm.calls.clear()
        assert sync(crm.client(), selection, limit=limit, batch=3).total == expected == len(crm.calls)
        for call in crm.calls:
            assert selection.user_id in (None, call.json["user_id"])
            assert (selection.start_date or DAY).isoformat() <= call.json["date"]

    check_all(
        [
            (Selection(), None, 10),
            (Selection(), 4, 4),
            (Selection(user_id="2"), None, 2),
            (Selection(start_date=date(2026, 3, 3)), None, 5),
            (Selection(end_date=DAY), 100, 5),
            (Selection(start_date=DAY, end_date=DAY, user_id="2"), None, 1),
            (Selection(user_id="nobody"), None, 0),
        ],
        check,
    )


def test_what_was_accepted_is_sent_again_on_request_with_the_same_key(crm: FakeCrm) -> None:
    terminal_id = computed(10)
    sync(crm.client())
    computed(2, first=100, terminal_id=terminal_id)
    assert sync(crm.client(), Selection(again=True), limit=5, now=SOON).successful == 5
    assert len(crm.stored) == 12, "those that are due are among them"
    assert sync(crm.client(), now=SOON).total == 0, "nothing else was made due"
    assert sync(crm.client(), Selection(again=True, user_id="7"), now=SOON).successful == 1
    assert len(crm.stored) == 12
    assert all(row.synced_to_crm and row.revision == 1 for row in stored().values())


def test_a_run_with_a_time_limit_leaves_the_rest_for_later(crm: FakeCrm) -> None:
    computed(50)
    assert sync(crm.client(), seconds=0.0).total == 0
    assert sync(crm.client(), stopping=lambda: True).total == 0
    assert sync(crm.client(), now=NOW + timedelta(minutes=1)).successful == 50


def test_without_a_crm_nothing_is_sent() -> None:
    with pytest.raises(NoCrm):
        CrmSync.of(load_settings({}), transaction, utc_now)
    settings = load_settings({"CRM_API_URL": "https://crm.example.org/", "CRM_API_TOKEN": TOKEN, "CRM_MAX_RETRIES": "5"})
    made = CrmSync.of(settings, transaction, utc_now)
    assert (made.attempts, made.batch) == (5, 100)
