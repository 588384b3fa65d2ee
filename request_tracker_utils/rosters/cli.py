"""Commands for lists of students and devices, and for the turn of the year."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from request_tracker_utils.core import tables
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.tables import ListUnreadable
from request_tracker_utils.rosters import leavers, rollover as years, service
from request_tracker_utils.rosters.current import export_lines
from request_tracker_utils.rosters.export import DEVICES, LOGS, STUDENTS, Export
from request_tracker_utils.rosters.fields import TITLES
from request_tracker_utils.rosters.files import pieces_of
from request_tracker_utils.rosters.findings import Findings, of_report
from request_tracker_utils.rosters.models import Roster, Subject
from request_tracker_utils.students.grades import grade_label
from request_tracker_utils.tasks import cli as terminal
from request_tracker_utils.tasks.models import Task, TaskState

NOT_ALL = 1
"""Exit code when not every row of the list was taken, or could be."""
FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)
COLUMN = click.option(
    "--column", "named", multiple=True, metavar="FIELD=HEADING", help='Where a field stands, such as student_id="Pupil No".'
)
Start = Callable[..., Task]


@click.group()
def students() -> None:
    """Students: lists in and out, and the turn of the year."""


@click.group()
def devices() -> None:
    """Devices of students: lists in and out, and their record."""


@students.command("import")
@click.argument("file", type=FILE)
@click.option("--dry-run", is_flag=True, help="Only say what the list would change.")
@click.option("--deactivate-missing", is_flag=True, help="Make students inactive who are not in the list.")
@COLUMN
@click.pass_context
def import_students(ctx: click.Context, /, file: str, dry_run: bool, deactivate_missing: bool, named: tuple[str, ...]) -> None:
    """Enter and change the students of a list: FILE is a CSV file, or - for standard input.

    What stands against rows goes to the error output, and those rows are left out. Only what the list has columns for is changed. The
    work is a task like one that the page starts: when this command is ended early, a server goes on with it. Exits with 1 unless every row
    was taken, or could be.
    """
    _import(ctx, Subject.STUDENTS, file, named, dry_run=dry_run, deactivate_missing=deactivate_missing)


@devices.command("import")
@click.argument("file", type=FILE)
@click.option("--dry-run", is_flag=True, help="Only say what the list would change.")
@COLUMN
@click.pass_context
def import_devices(ctx: click.Context, /, file: str, dry_run: bool, named: tuple[str, ...]) -> None:
    """Register and change the devices of a list, and assign those that name a student: FILE is a CSV file, or - for standard input.

    An empty student takes nothing back. Otherwise like `rtutils students import`.
    """
    _import(ctx, Subject.DEVICES, file, named, dry_run=dry_run)


@students.command("export")
def export_students() -> None:
    """Print all students as CSV."""
    _export(STUDENTS)


@devices.command("export")
def export_devices() -> None:
    """Print all devices as CSV."""
    _export(DEVICES)


@devices.command("logs")
def export_logs() -> None:
    """Print the record of all devices as CSV."""
    _export(LOGS)


@students.command("leavers")
def list_leavers() -> None:
    """Print as CSV who has left and still has something."""
    for line in csv_lines(leavers.HEAD, leavers.rows(reading)):
        click.echo(line, nl=False)


@students.command()
@click.argument("name")
@click.option("--last-grade", default=years.LAST_GRADE, show_default=True, help="The grade whose students leave.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of whom.")
@click.option("--undo", is_flag=True, help="Take the turn back.")
def rollover(name: str, last_grade: str, dry_run: bool, undo: bool) -> None:
    """Have all students go up a grade for the school year NAME, such as 2026/27, and those of the last grade leave."""
    if undo:
        _take_back(name)
        return
    with reading() as session:
        preview = years.preview(session, last_grade)
    for step in preview.steps:
        goes = "stays" if step.following == step.grade else "leaves" if step.following is None else f"to {grade_label(step.following)}"
        click.echo(f"{grade_label(step.grade)}\t{step.count:,}\t{goes}", err=True)
    if preview.holding:
        click.echo(f"{preview.holding:,} of those who leave still have something: see `rtutils students leavers`.", err=True)
    if not dry_run:
        with transaction() as session:
            year = years.turn(session, name, last_grade, actor=of_command(), now=utc_now())
        click.echo(f"{year.name}: {year.promoted:,} went up a grade, {year.leavers:,} left.")


def _take_back(name: str) -> None:
    with transaction() as session:
        year = years.named(session, name)
        years.take_back(session, year.id, actor=of_command(), now=utc_now())
    click.echo(f"{name} is taken back: everybody has the grade from before.")


def _import(
    ctx: click.Context, subject: Subject, file: str, named: Iterable[str], *, dry_run: bool, deactivate_missing: bool = False
) -> None:
    with click.open_file(file, "rb") as opened:
        source = "" if file == "-" else Path(file).name
        roster = service.keep(transaction, pieces_of(opened), subject=subject, source=source, actor=of_command(), now=utc_now())  # type: ignore[arg-type]
    columns, is_named = _columns(roster, named)
    with transaction() as session:
        service.map_columns(session, roster.id, columns, deactivate_missing=deactivate_missing, first_is_head=is_named)
    found = _run(roster.id, service.start_check, "Checking")
    if found.broken:
        raise ListUnreadable(found.broken)
    if not dry_run:
        found = _run(roster.id, service.start_import, "Importing")
    _tell(found, dry_run=dry_run)
    if found.bad:
        ctx.exit(NOT_ALL)


def _columns(roster: Roster, named: Iterable[str]) -> tuple[dict[str, int], bool]:
    """Field → column, as the heading has them and the options say; and whether an option named one. Raises ListUnreadable, UsageError."""
    columns, titles = dict(roster.columns), TITLES[roster.subject]
    wanted = [text.partition("=")[::2] for text in named]
    head = roster.head or (roster.sample[0] if wanted else [])
    for field, heading in wanted:
        if field not in titles:
            raise click.UsageError(f"There is no field {field}. The fields are {', '.join(titles)}.")
        number = tables.column_named(head, heading)
        if number is None:
            raise ListUnreadable(f"No column is called {heading}. The heading says: {', '.join(head)}.")
        for other in [other for other, taken in columns.items() if taken == number]:
            del columns[other]
        columns[field] = number
    return columns, bool(wanted)


def _run(roster_id: int, start: Start, words: str) -> Findings:
    """Raises Unavailable when the task has not ended."""
    now = utc_now()
    with transaction() as session:
        task = terminal.take(session, start(session, roster_id, actor=of_command(), now=now), now=now)
    task = terminal.watch(task, words)
    if task.state != TaskState.DONE:
        raise Unavailable(task.error or f"Task {task.id} is {task.state}.")
    with reading() as session:
        return of_report(service.get(session, roster_id).report)


def _tell(found: Findings, *, dry_run: bool) -> None:
    for problem in found.problems:
        click.echo(f"line {problem.line}\t{problem.name}\t{problem.message}", err=True)
    if found.problem_count > len(found.problems):
        click.echo(f"and {found.problem_count - len(found.problems):,} more problems", err=True)
    if found.kept:
        click.echo(found.kept, err=True)
    counted: dict[str, Any] = {"new": found.new, "changed": found.changed, "unchanged": found.unchanged}
    counted |= {name: count for name, count in (("made inactive", found.deactivated), ("handed over or set", found.handed)) if count}
    click.echo(
        f"{'Would be' if dry_run else 'Are'}: {', '.join(f'{count:,} {name}' for name, count in counted.items())}. {found.bad:,} left out."
    )


def _export(export: Export) -> None:
    for part in export_lines(export):
        click.echo(part, nl=False)
