"""Importing a file from the command line, for the commands of domains; and `rtutils imports`, which lists and undoes imports."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.imports import parsing, service, undo
from request_tracker_utils.imports.current import quota
from request_tracker_utils.imports.errors import ImportBusy, ImportNotFound, ImportNotUndoable
from request_tracker_utils.imports.identifiers import zeros_found
from request_tracker_utils.imports.models import ImportFile
from request_tracker_utils.imports.parsing import FileUnreadable
from request_tracker_utils.imports.report import ImportReport, report_from
from request_tracker_utils.imports.row_types import RowType, RowTypes
from request_tracker_utils.imports.tasks import describe_undone
from request_tracker_utils.imports.uploads import inspected, read_chunks
from request_tracker_utils.imports.waiting import WaitingList
from request_tracker_utils.tasks import cli as terminal
from request_tracker_utils.tasks.models import Task, TaskState
from request_tracker_utils.web.registry import registry, settings

W = TypeVar("W", bound=WaitingList)

LISTED = 100
"""Files per query."""
INCOMPLETE = 1
"""Exit code if a row was skipped or would be skipped."""
FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)

column_option = click.option(
    "--column", "column_options", multiple=True, metavar="FIELD=HEADER", help='The column of a field, such as student_id="Student No.".'
)
match_zeros_option = click.option(
    "--match-zeros", is_flag=True, help="Match numbers that differ from existing ones only in leading zeros, which spreadsheets remove."
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Preview the changes without making them.")


@click.group()
def imports() -> None:
    """List and undo imports."""


@imports.command("list")
@click.option("--waiting", is_flag=True, help="Instead, print uploaded files waiting to be imported: number, time, person, file, size.")
def list_imports(waiting: bool) -> None:
    """Print the newest imports that have changed anything: number, time, person, file, counts, and who has undone it."""
    if waiting:
        names = registry().get(RowTypes).names
        print_waiting(lambda session, before: service.newest(session, names, waiting=True, before=before, limit=LISTED), service.name_of)
        return
    with reading() as session:
        for run, file in undo.recent(session):
            counts = _("%(created)s created, %(changed)s changed", created=f"{run.created:,}", changed=f"{run.changed:,}")
            if run.followed_up:
                wording = _row_type(file).wording
                counts += ", " + f"{run.followed_up:,} " + _(wording.follow_up_done or wording.follow_ups).lower()
            undone = _("undone by %(name)s", name=run.undone_by) if run.undone_at else ""
            started = run.started_at.astimezone(settings().zone).strftime("%Y-%m-%d %H:%M")
            click.echo("\t".join((str(run.id), started, run.started_by, service.name_of(file), counts, undone)))


def print_waiting(newest: Callable[[Session, int | None], Sequence[W]], name_of: Callable[[W], str]) -> None:
    """Prints all lists that wait. `newest` returns the newest LISTED of them with a number below the given one."""
    before = None
    while True:
        with reading() as session:
            found = newest(session, before)
        for each in found:
            added = each.created_at.astimezone(settings().zone).strftime("%Y-%m-%d %H:%M")
            size = _("%(size)s KB", size=f"{each.stored_size // 1024 + 1:,}")
            click.echo("\t".join((str(each.id), added, each.started_by, name_of(each), size)))
        if len(found) < LISTED:
            return
        before = found[-1].id


@imports.command("delete")
@click.argument("number", type=int)
def delete_file(number: int) -> None:
    """Delete the uploaded file NUMBER. If it has imports that can still be undone, only its rows are deleted.

    `rtutils imports list --waiting` shows the numbers.
    """
    with transaction() as session:
        name = service.name_of(service.get(session, number))
        service.discard(session, number)
    click.echo(_("%(file)s was deleted.", file=name))


@imports.command("undo")
@click.argument("number", type=int)
@dry_run_option
def undo_import(number: int, dry_run: bool) -> None:
    """Undo the import NUMBER as a whole: delete what it has created, restore what it has changed, and undo its assignments.

    `rtutils imports list` shows the numbers. The undo is refused if anything else has changed the records since, or after 30 days.
    """
    with reading() as session:
        run, file = undo.get(session, number)
        row_type = _row_type(file)
        if reason := undo.refusal(session, run, row_type):
            raise ImportNotUndoable(reason)
    if dry_run:
        click.echo(_("Dry run: %(counts)s", counts=describe_undone(run, row_type)))
        return
    now = utc_now()
    with transaction() as session:
        claim = terminal.claim_started(session, undo.start(session, number, row_type, actor=of_command(), now=now), now=now)
    task = terminal.run_with_progress(claim, _("Undoing"))
    if task.state != TaskState.DONE:
        raise Unavailable(task.error or _("Task %(id)s is %(state)s.", id=task.id, state=task.state))
    click.echo(_("Undone: %(counts)s", counts=task.summary))


def import_path(ctx: click.Context, row_type: RowType, path: str, column_options: Iterable[str], *, dry_run: bool, **options: bool) -> None:
    """Previews and, unless it is a dry run, imports the file. `-` is standard input. Prints problems to standard error and counts to
    standard output. Exits with INCOMPLETE when a row has problems. `options` are those of `service.map_columns`."""
    source, named = "" if path == "-" else Path(path).name, list(column_options)
    with click.open_file(path, "rb") as opened, inspected(read_chunks(opened), row_type.aliases) as upload:
        header = upload.layout.header
        if named and not header:
            rows = upload.first_rows()
            header = rows[parsing.find_header_with(rows, option_titles(named))]
        columns = apply_column_options(named, header, upload.layout.columns, row_type.fields)
        require_column(columns, row_type.key_field, row_type.titles[row_type.key_field], header or upload.layout.sample[0])
        facts: dict[str, Any] = {"source": source, "actor": of_command(), "now": utc_now(), "quota": quota()}
        file = service.store(transaction, upload, row_type, columns, header=header, **facts)
    with transaction() as session:
        service.map_columns(session, file.id, row_type, file.columns, **{"deactivate_missing": False, **options})
    try:
        report = _preview_and_import(file.id, row_type, dry_run=dry_run)
    finally:
        _delete_rows(file.id)
    _print(report, row_type, dry_run=dry_run)
    if not dry_run:
        _print_undo(file.id)
    if report.invalid:
        ctx.exit(INCOMPLETE)


def _preview_and_import(file_id: int, row_type: RowType, *, dry_run: bool) -> ImportReport:
    report = _run(file_id, row_type, service.start_preview, _("Previewing"))
    if report.unreadable:
        raise FileUnreadable(report.unreadable)
    for remark in (*report.warnings, *report.remarks):
        click.echo(remark, err=True)
    if not dry_run:
        return _run(file_id, row_type, service.start_import, _("Importing"))
    return report


def _delete_rows(file_id: int) -> None:
    """The command's file is not needed any more, unless a server process continues its task."""
    with suppress(ImportBusy, ImportNotFound), transaction() as session:
        service.delete_content(session, service.lock_idle(session, file_id))


def option_titles(options: Iterable[str]) -> list[str]:
    """The headers in options `FIELD=HEADER`."""
    return [option.partition("=")[2] for option in options]


def require_column(columns: Mapping[str, int], field: str, title: str, row: list[str]) -> None:
    """Raises FileUnreadable without a column for the field. `row` is the header row, or else the file's first row."""
    if field not in columns:
        message = _(
            "The column of the %(title)s is not known: no header row was found among the first %(rows)s rows, or it has another name for "
            'it. Name the column, for example --column %(field)s="%(example)s".',
            title=title.lower(),
            rows=parsing.HEADER_ROWS,
            field=field,
            example=next(filter(None, row))[:40],
        )
        raise FileUnreadable(message)


def apply_column_options(options: Iterable[str], header: list[str], columns: Mapping[str, int], fields: Collection[str]) -> dict[str, int]:
    """`columns` with the options `FIELD=HEADER` applied. Raises UsageError for an unknown field, FileUnreadable for an unknown header."""
    mapped = dict(columns)
    for field, title in (option.partition("=")[::2] for option in options):
        if field not in fields:
            message = _("The field %(field)s does not exist. The fields are %(fields)s.", field=field, fields=", ".join(fields))
            raise click.UsageError(message)
        number = parsing.find_column(header, title)
        if number is None:
            message = _("No column has the header %(title)s. The header row is: %(header)s.", title=title, header=", ".join(header))
            raise FileUnreadable(message)
        mapped = {other: column for other, column in mapped.items() if column != number}
        mapped[field] = number
    return mapped


def _row_type(file: ImportFile) -> RowType:
    return registry().get(RowTypes).named(file.subject)


def _run(file_id: int, row_type: RowType, start: Callable[..., Task], label: str) -> ImportReport:
    """Raises Unavailable when the task did not finish."""
    now = utc_now()
    with transaction() as session:
        claim = terminal.claim_started(session, start(session, file_id, row_type, actor=of_command(), now=now), now=now)
    task = terminal.run_with_progress(claim, label)
    if task.state != TaskState.DONE:
        raise Unavailable(task.error or _("Task %(id)s is %(state)s.", id=task.id, state=task.state))
    with reading() as session:
        return report_from(service.get(session, file_id).report)


def _print_undo(file_id: int) -> None:
    """How to undo the import, if it has changed anything."""
    with reading() as session:
        for run in undo.of_file(session, file_id):
            click.echo(_("To undo this import, run `rtutils imports undo %(number)s`.", number=run.id), err=True)


def _print(report: ImportReport, row_type: RowType, *, dry_run: bool) -> None:
    for problem in report.problems:
        click.echo("\t".join((_("line %(line)s", line=problem.line), problem.name, problem.message)), err=True)
    if (more := report.problem_count - len(report.problems)) > 0:
        click.echo(ngettext("and %(count)s more problem", "and %(count)s more problems", more, count=f"{more:,}"), err=True)
    if report.not_deactivated:
        click.echo(report.not_deactivated, err=True)
    if report.zeros:
        click.echo(zeros_found(report) + " " + _("To match them, import the file with --match-zeros."), err=True)
    counts = {_("new"): report.new, _("changed"): report.changed, _("unchanged"): report.unchanged}
    if report.deactivated:
        counts[_("deactivated")] = report.deactivated
    if report.followed_up:
        counts[_(row_type.wording.follow_up_done).lower()] = report.followed_up
    counts[_("skipped")] = report.invalid
    listed = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    click.echo(_("Dry run: %(counts)s.", counts=listed) if dry_run else _("Imported: %(counts)s.", counts=listed))
