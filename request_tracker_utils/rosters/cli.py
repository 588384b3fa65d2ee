"""Commands that import and export students and devices, and the rollover."""

from collections.abc import Iterable
from typing import Any

import click

from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.imports.cli import FILE, column_option, dry_run_option, import_path, match_zeros_option
from request_tracker_utils.rosters import rollover as service
from request_tracker_utils.rosters.device_import import DeviceRows
from request_tracker_utils.rosters.export import BATCH, DEVICES, LOGS, STUDENTS, Export, export_rows
from request_tracker_utils.rosters.student_import import StudentRows
from request_tracker_utils.students.grades import grade_label
from request_tracker_utils.web import exports
from request_tracker_utils.web.registry import settings


@click.group()
def students() -> None:
    """Import and export students, and run the rollover."""


@click.group()
def devices() -> None:
    """Import and export students' devices, and export their history."""


@students.command("import")
@click.argument("file", type=FILE)
@dry_run_option
@click.option("--deactivate-missing", is_flag=True, help="Deactivate students that the file does not contain.")
@match_zeros_option
@column_option
@click.pass_context
def import_students(ctx: click.Context, /, file: str, **options: Any) -> None:
    """Create and update students from FILE, a CSV file, or - for standard input.

    Rows with problems are skipped and printed to standard error. Fields without a column are not changed. The import is a task: if
    this command is interrupted, a server process continues it. The exit code is 1 if a row was skipped or would be skipped.
    """
    import_path(ctx, StudentRows(), file, **options)


@devices.command("import")
@click.argument("file", type=FILE)
@dry_run_option
@match_zeros_option
@column_option
@click.pass_context
def import_devices(ctx: click.Context, /, file: str, **options: Any) -> None:
    """Create and update devices from FILE, and assign those with a student number. FILE is a CSV file, or - for standard input.

    An empty student number does not return the device. Otherwise like `rtutils students import`.
    """
    import_path(ctx, DeviceRows(), file, **options)


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
    """Print the history of all devices as CSV."""
    _export(LOGS)


@students.command("leavers")
def list_leavers() -> None:
    """Print students who left school and still have devices as CSV."""
    _print(service.LEAVERS_HEADER, service.leaver_rows(reading), what="students who left school with devices")


@students.command()
@click.argument("name")
@click.option("--last-grade", default=service.LAST_GRADE, show_default=True, help="Students of this grade leave school.")
@click.option("--dry-run", is_flag=True, help="Preview the changes without making them.")
@click.option("--undo", is_flag=True, help="Undo the rollover.")
def rollover(name: str, last_grade: str, dry_run: bool, undo: bool) -> None:
    """Promote all students to the next grade for the school year NAME, such as 2026/27. Students of the last grade leave school."""
    if undo:
        _undo(name)
        return
    with reading() as session:
        preview = service.preview(session, last_grade)
    for step in preview.steps:
        change = _("no change") if step.following == step.grade else _("leaves school")
        if step.following not in (None, step.grade):
            change = _("to %(grade)s", grade=grade_label(step.following))
        click.echo(f"{grade_label(step.grade)}\t{step.count:,}\t{change}", err=True)
    if preview.with_devices:
        message = ngettext(
            "%(count)s student who leaves school still has devices. List them with `rtutils students leavers`.",
            "%(count)s students who leave school still have devices. List them with `rtutils students leavers`.",
            preview.with_devices,
            count=f"{preview.with_devices:,}",
        )
        click.echo(message, err=True)
    if not dry_run:
        with transaction() as session:
            year = service.roll_over(session, name, last_grade, actor=of_command(), now=utc_now())
        counts = {"promoted": f"{year.promoted:,}", "left": f"{year.leavers:,}"}
        click.echo(_("%(name)s: %(promoted)s promoted, %(left)s left school.", name=year.name, **counts))


def _undo(name: str) -> None:
    with transaction() as session:
        service.undo(session, service.find_year(session, name).id, actor=of_command(), now=utc_now())
    click.echo(_("Rollover %(name)s undone. Students are in their former grades.", name=name))


def _export(export: Export) -> None:
    _print(export.header, export_rows(reading, export, settings().zone), what=export.title)


def _print(header: Iterable[str], rows: Iterable[Iterable[object]], *, what: str) -> None:
    """Prints a CSV file, and records the export."""
    for lines in exports.Export(header, rows, what=what, batch=BATCH):
        click.echo(lines.encode(), nl=False)
