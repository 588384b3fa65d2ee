"""The computation on the status page and in the metrics, and the sample workdays."""

from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from request_tracker_utils.attendance import changed_days
from request_tracker_utils.attendance.changed_days import PROCESS
from request_tracker_utils.attendance.feature import feature as attendance
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.jobs import JobRun
from request_tracker_utils.workdays import computation_status
from request_tracker_utils.workdays.feature import feature
from request_tracker_utils.workdays.models import ReviewState, WorkdayDecision
from tests.services.apps import run_job, signed_in
from tests.services.attendance import NOW, added
from tests.services.forms import page
from tests.services.punched_days import workdays
from tests.services.workdays import MONDAY, stored, workday


def test_it_says_what_waits_and_why_the_last_run_has_failed(app: Flask) -> None:
    with app.app_context():
        added()
        soon = utc_now() + timedelta(hours=1)
        stored(workday("17", hours="08:00"), workday("18", hours="08:00", window_ends_at=soon), workday("19", synced=True))
        with transaction() as session:
            changed_days.mark(session, ["17"], MONDAY, MONDAY, now=NOW)
            session.add(JobRun(job=PROCESS, process="here", started_at=NOW, ended_at=NOW, error="The database is full."))
        found = computation_status.content()
        assert found.problems == ["The last computation has failed: The database is full."]
        assert dict(found.facts) == {"computed_at": NOW, "to_compute": 1, "to_review": 1, "most": 10_000}
        numbers = {name: value for name, (_help, value) in computation_status.gauges().items()}
        assert numbers == {
            "rtutils_workday_changes": 1,
            "rtutils_workdays_to_review": 1,
            "rtutils_workdays_unsynced": 2,
            "rtutils_workdays_failed": 0,
        }
    shown = page(signed_in(app, "admin"), "/admin")
    assert ("Last computation" in shown, "The database is full." in shown) == (True, True)


def test_the_sample_punches_become_workdays_of_which_some_are_corrected(app: Flask) -> None:
    with app.app_context():
        assert attendance.demo is not None
        assert feature.demo is not None
        attendance.demo.fill()
        feature.demo.fill()
        found = workdays()
        assert len(found) > 50
        assert sum(row.review_state == ReviewState.CORRECTED for row in found) == 2
        with reading() as session:
            assert {each.decided_by for each in session.scalars(select(WorkdayDecision))} == {"command line"}
    assert run_job(app, PROCESS) == 0, "they are as punches, schedules and decisions say"
