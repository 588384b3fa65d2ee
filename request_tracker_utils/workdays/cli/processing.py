"""The command that computes workdays."""

import sys
from datetime import datetime
from typing import Any

import click

from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.registry import settings
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.processing import process_changes, process_range
from request_tracker_utils.workdays.ranges import check_range

DAY = click.DateTime(["%Y-%m-%d"])


@click.command("process_attendance")
@click.option("--start-date", type=DAY, help="First day. If not set: --end-date.")
@click.option("--end-date", type=DAY, help="Last day. If not set: today.")
def process_attendance(start_date: datetime | None, end_date: datetime | None) -> None:
    """Compute workdays from punches: those that have changed since the last run, or all of a range of days.

    Exits with 1 if some days could not be written. The next run computes them again.
    """
    with click.progressbar(length=1, label=_("Workdays"), file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        processor = current.processor(of_command(), lambda done, total: _show_progress(bar, done, total))
        if start_date or end_date:
            today = utc_now().astimezone(settings().zone).date()
            days = check_range(start_date and start_date.date(), end_date and end_date.date(), today=today)
            done = process_range(processor, *days)
        else:
            done = process_changes(processor)
    counts = {"punches": done.punches, "days": done.days, "outliers": done.outliers, "written": done.written}
    click.echo(_("Punches: %(punches)s, workdays: %(days)s, outliers: %(outliers)s, changed: %(written)s.", **counts))
    if done.failed:
        click.echo(_("Workdays that could not be written: %(count)s.", count=done.failed), err=True)
        sys.exit(1)


def _show_progress(bar: Any, done: int, total: int) -> None:
    bar.length = total
    bar.update(done - bar.pos)
