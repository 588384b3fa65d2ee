"""New outliers are reported by email: each workday and reason once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.notifications.models import SEND_JOBS, Notification
from request_tracker_utils.web.registry import registry_of
from request_tracker_utils.workdays import jobs, outlier_digest
from request_tracker_utils.workdays.models import OutlierNotice, ReviewState, Workday
from request_tracker_utils.workdays.outlier_digest import MOST_CHARACTERS, MOST_SHOWN, Digest
from tests.services.apps import make_app, ready, run_job, user
from tests.services.attendance import added
from tests.services.smtp_server import SmtpServer
from tests.services.workdays import MONDAY, person, stored, workday

EARLY, LATE = "Clock-in at 05:59 is more than 2 hours before the start at 08:00.", "Clock-in at 10:01 is more than 2 hours after …"
AFTER = datetime(2026, 3, 3, 12, tzinfo=UTC)
"""When the window of MONDAY has closed."""
TO = ("payroll@example.org",)


def send(app: Flask, *, now: datetime = AFTER, to: tuple[str, ...] = TO, messenger: Any = None) -> int:
    digest = Digest(messenger or registry_of(app).find(Messenger), to)
    with app.app_context(), transaction() as session:
        return outlier_digest.send(session, digest, today=now.date(), actor=of_job("test"), now=now)


def messages() -> list[Notification]:
    with reading() as session:
        return list(session.scalars(select(Notification).where(Notification.event == "workday-outliers").order_by(Notification.id)))


def changed(workday_id: int, **values: object) -> None:
    with transaction() as session:
        row = session.get_one(Workday, workday_id)
        for name, value in values.items():
            setattr(row, name, value)


@pytest.mark.both_databases
def test_each_outlier_is_reported_once_when_its_window_has_closed(inside: Flask) -> None:
    added()
    ada = person("Ada Lovelace", "17")
    first, _usual, _incomplete = stored(
        workday("17", hours="05:59-17:00", outlier_reason=EARLY, person_id=ada), workday("18"), workday("19", hours="08:00")
    )
    assert send(inside, now=AFTER - timedelta(hours=2, seconds=1)) == 0  # 03:59:59 where the terminal is
    assert (send(inside), send(inside)) == (1, 0)
    [message] = messages()
    assert (message.address, message.values["count"], message.values["more"]) == ("payroll@example.org", 1, 0)
    assert message.values["workdays"] == f"2026-03-02 Ada Lovelace (17), Main entrance: {EARLY}"
    changed(first, outlier_reason=LATE)
    stored(workday("20", hours="05:59-17:00", outlier_reason=EARLY))
    assert (send(inside), send(inside)) == (2, 0)
    changed(first, outlier_reason=EARLY)
    assert send(inside) == 0
    assert messages()[1].values["workdays"].splitlines() == [
        f"2026-03-02 Ada Lovelace (17), Main entrance: {LATE}",
        f"2026-03-02 20, Main entrance: {EARLY}",
    ]


def test_reviewed_and_old_outliers_are_not_reported(inside: Flask) -> None:
    added()
    outlier = {"hours": "05:59-17:00", "outlier_reason": EARLY}
    stored(
        workday("17", review_state=ReviewState.ACCEPTED, **outlier),
        workday("18", review_state=ReviewState.CORRECTED, **outlier),
        workday("19", review_state=ReviewState.NONE, **outlier),  # has lost its punches
        workday("20", date(2026, 2, 16), **outlier),
    )
    assert send(inside) == 0
    stored(workday("21", date(2026, 2, 17), **outlier))
    assert send(inside) == 1


@pytest.mark.both_databases
def test_thousands_of_outliers_are_one_short_message(inside: Flask) -> None:
    added("x" * 100)
    stored(*(workday(f"{number:04}", hours="05:59-17:00", outlier_reason=EARLY * 10) for number in range(3_000)))
    assert (send(inside), send(inside)) == (3_000, 0)
    [message] = messages()
    lines = message.values["workdays"].splitlines()
    assert (message.values["more"], len(lines), lines[-1][:15]) == (3_000 - MOST_SHOWN, MOST_SHOWN, "2026-03-02 0049")
    assert {len(line) for line in lines} == {MOST_CHARACTERS}


def test_without_recipients_administrators_get_it(inside: Flask) -> None:
    user(inside, "admin", "ada", email="ada@example.org")
    user(inside, "staff", "bob", email="bob@example.org")
    added()
    stored(workday(hours="05:59-17:00", outlier_reason=EARLY))
    assert send(inside, to=()) == 1
    assert [message.address for message in messages()] == ["ada@example.org"]


@dataclass
class Killed:
    """A process that dies while it writes the message."""

    def send(self, *_: object, **__: object) -> int:
        raise SystemExit


@pytest.mark.both_databases
def test_what_was_not_written_is_reported_by_the_next_run(inside: Flask) -> None:
    added()
    stored(workday(hours="05:59-17:00", outlier_reason=EARLY))
    with pytest.raises(SystemExit):
        send(inside, messenger=Killed())
    with reading() as session:
        assert session.scalars(select(OutlierNotice)).all() == []
    assert (send(inside), len(messages())) == (1, 1)


@pytest.mark.both_databases
def test_two_processes_report_each_outlier_once(inside: Flask) -> None:
    added()
    stored(*(workday(str(number), hours="05:59-17:00", outlier_reason=EARLY) for number in range(20)))
    together = Barrier(4)

    def run(_number: int) -> int:
        together.wait(10)
        return send(inside)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(run, range(4))) == [0, 0, 0, 20]
    assert len(messages()) == 1


def test_only_with_the_setting_the_job_reports(inside: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    added()
    stored(workday(hours="05:59-17:00", outlier_reason=EARLY))
    monkeypatch.setattr(jobs, "utc_now", lambda: AFTER)
    run_job(inside, "process-attendance")
    assert messages() == []
    pages = registry_of(inside).page_settings
    values = {"outlier_email_notifications": "true", "outlier_email_recipients": "payroll@example.org, hr@example.org"}
    with transaction() as session:
        pages.store(session, values, version=pages.refresh().version, actor=of_job("test"), now=AFTER)
    pages.refresh()
    run_job(inside, "process-attendance")
    assert [message.address for message in messages()] == ["payroll@example.org", "hr@example.org"]


def test_the_message_arrives_as_text_and_html(tmp_path: Path, database_url: str) -> None:
    with SmtpServer() as mail:
        app = ready(make_app(tmp_path, database_url=database_url, app_url="https://assets.example.org", **mail.settings()))
        with app.app_context():
            added("Gym <1>")
            long_ago = MONDAY.replace(year=2020)
            stored(*(workday(str(number), long_ago, "05:59-17:00", outlier_reason=EARLY) for number in range(10, 62)))
            now = utc_now()
            digest = Digest(registry_of(app).find(Messenger), TO)
            with transaction() as session:
                assert outlier_digest.send(session, digest, today=long_ago + timedelta(days=1), actor=of_job("test"), now=now) == 52
        run_job(app, SEND_JOBS["email"])  # type: ignore[index]
        [received] = mail.accepted
    assert (received.recipients, str(received.message["Subject"])) == (list(TO), "52 new outliers")
    plain, rich = (received.message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert rich is not None
    text, html = plain.get_content().replace("\r\n", "\n"), rich.get_content()
    assert f"\n2020-03-02 10, Gym <1>: {EARLY}\n2020-03-02 11, Gym <1>: {EARLY}\n" in text
    assert "2 other outliers are in the review queue." in text
    assert "https://assets.example.org/workdays/review" in text
    assert (html.count("Gym &lt;1&gt;"), 'href="https://assets.example.org/workdays/review"' in html) == (50, True)
