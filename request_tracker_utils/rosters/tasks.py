"""The tasks that look through a list, and import it."""

from collections.abc import Callable, Sequence

from flask import url_for

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.rosters import service
from request_tracker_utils.rosters.findings import Findings, of_report
from request_tracker_utils.rosters.importing import Import, nowhere
from request_tracker_utils.rosters.list_types import sheet_of
from request_tracker_utils.rosters.models import RosterState
from request_tracker_utils.rosters.permissions import RosterPermission
from request_tracker_utils.tasks.kinds import Link, TaskKind
from request_tracker_utils.tasks.models import Task
from request_tracker_utils.tasks.running import RunningTask


def check_roster(task: RunningTask) -> str:
    """Finds out what the list would change."""
    found = _go_through(task, dry=True)
    if found.broken:
        return f"The list cannot be read to its end. {found.broken}"
    return f"{_rows(found.rows)} looked through: {found.new:,} new, {found.changed:,} would change, {found.bad:,} cannot be taken."


def import_roster(task: RunningTask) -> str:
    """Changes what the list changes. A run that was broken off is gone on with."""
    found = _go_through(task, dry=False)
    gone = f", {found.deactivated:,} made inactive" if found.deactivated else ""
    return f"{_rows(found.rows)}: {found.new:,} entered, {found.changed:,} changed{gone}, {found.bad:,} left out."


def _go_through(task: RunningTask, *, dry: bool) -> Findings:
    roster_id = int(task.arguments["roster_id"])
    with reading() as session:
        roster = service.get(session, roster_id)
        reached = roster.report.get("reached", {})
    work = Import(
        transaction,
        reading,
        sheet_of(roster.subject),
        roster.columns,
        task.actor,
        utc_now,
        source=roster.source,
        dry=dry,
        deactivate_missing=roster.deactivate_missing,
        reached=nowhere if dry else lambda session, found: service.remember(session, roster_id, found),
        before=of_report({} if dry else reached),
    )
    task.done, task.failed = 0, 0
    task.expect(max(1, int(roster.report["lines"]) - bool(roster.head)))
    found = work.run(service.rows(reading, roster), _advancing(task))
    task.expect(task.done)
    with transaction() as session:
        service.settle(session, roster_id, RosterState.CHECKED if dry else RosterState.IMPORTED, found, now=utc_now())
    return found


def _advancing(task: RunningTask) -> Callable[[int], None]:
    """Cells may hold line breaks, and files empty lines: there are about as many rows as lines."""

    def advance(rows: int) -> None:
        if task.total is not None and task.done + rows > task.total:
            task.expect(task.done + rows)
        task.advance(rows)

    return advance


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _to_roster(title: str) -> Callable[[Task], Sequence[Link]]:
    return lambda task: [Link(title, url_for("rosters.show", roster_id=task.arguments["roster_id"]))]


kinds = [
    TaskKind(service.CHECK, RosterPermission.IMPORT, check_roster, _to_roster("See what would change")),
    TaskKind(service.IMPORT, RosterPermission.IMPORT, import_roster, _to_roster("See what has changed")),
]
