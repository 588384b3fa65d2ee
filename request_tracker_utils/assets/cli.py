"""Commands for assets."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import IO

import click

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import checks, imports, lists
from request_tracker_utils.assets.checks import RowCheck
from request_tracker_utils.assets.fields import FIELDS
from request_tracker_utils.assets.lists import Listed
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.imports.cli import (
    FILE,
    INCOMPLETE,
    LISTED,
    apply_column_options,
    dry_run_option,
    option_titles,
    print_waiting,
    require_column,
)
from request_tracker_utils.imports.current import quota
from request_tracker_utils.tasks import cli as terminal, service as tasks
from request_tracker_utils.tasks.models import ItemState, Task, TaskState


@click.group()
def assets() -> None:
    """Manage assets."""


@assets.command("import")
@click.argument("file", type=FILE)
@dry_run_option
@click.option(
    "--column", "column_options", multiple=True, metavar="FIELD=HEADER", help='The column of a field, such as serial_number="S/N".'
)
@click.option("--manufacturer", default="", help="Default for rows without a value.")
@click.option("--model", default="", help="Default for rows without a value.")
@click.option("--category", default="", help="Default for rows without a value.")
@click.option("--funding-source", default="", help="Default for rows without a value.")
@click.option("--catalog", default="", help="Default for rows without a value; otherwise RT_CATALOG.")
@click.option(
    "--with-likely-duplicates", is_flag=True, help="Also create assets that exist, probably, without a manufacturer's prefix (S, 1S)."
)
@click.pass_context
def import_list(
    ctx: click.Context, /, file: str, dry_run: bool, column_options: tuple[str, ...], with_likely_duplicates: bool, **defaults: str
) -> None:
    """Create the assets in FILE, a CSV file or - for standard input.

    Prints each serial number with its new tag to standard output, and problems to standard error. Rows with problems and
    likely duplicates are skipped. The assets are created by a task: if this command is interrupted, a server process continues it. The exit
    code is 1 if a row was not created or, in a dry run, would not be created.
    """
    with click.open_file(file, "rb") as opened:
        listed = _read(opened, column_options)
    for remark in lists.remarks(listed):
        click.echo(remark, err=True)
    trimmed = {field: value.strip() for field, value in defaults.items()}
    checked = checks.check_rows(reading, asset_store(), listed, trimmed)
    if with_likely_duplicates:
        checked = [replace(check, likely_duplicate="") for check in checked]
    created = _print_problems(checked)
    if created and not dry_run:
        created = _print_created(_create(listed, trimmed, source="" if file == "-" else Path(file).name, checked=checked))
    if created < len(checked):
        ctx.exit(INCOMPLETE)


@assets.command("lists")
def list_waiting() -> None:
    """Print the lists of assets that are still stored: number, time, person, file, size."""
    print_waiting(lambda session, before: imports.newest(session, waiting=True, before=before, limit=LISTED), imports.name_of)


@assets.command("delete-list")
@click.argument("number", type=int)
def delete_list(number: int) -> None:
    """Delete the list NUMBER. If its task has ended, only its rows are deleted.

    `rtutils assets lists` shows the numbers.
    """
    with transaction() as session:
        name = imports.name_of(imports.get(session, number))
        imports.discard(session, number)
    click.echo(_("%(file)s was deleted.", file=name))


def _read(file: IO[bytes], options: Iterable[str]) -> Listed:
    """Raises FileUnreadable, UsageError."""
    options = list(options)
    listed = lists.read(lists.decode(file.read(lists.MAX_FILE_SIZE + 1)), titles=option_titles(options))
    columns = apply_column_options(options, listed.header, listed.columns, FIELDS)
    require_column(columns, "serial_number", _("Serial number"), listed.header or listed.rows[0])
    return replace(listed, columns=columns)


def _print_problems(checked: list[RowCheck]) -> int:
    """Returns how many rows have none."""
    invalid = [check for check in checked if not check.is_valid]
    shared = checks.shared_problems(checked)
    if shared:
        click.echo(_("all %(count)s rows", count=f"{len(checked):,}") + f"\t\t{'; '.join(shared)}", err=True)
    for check in invalid:
        problems = [problem for problem in (*check.problems, check.likely_duplicate) if problem and problem not in shared]
        if not problems:
            continue
        existing = _("asset #%(id)s", id=check.asset_id) + (f", {check.tag}" if check.tag else "") if check.asset_id else ""
        described = "; ".join(problems) + (f" ({existing})" if existing else "")
        click.echo(_("line %(line)s", line=check.line) + f"\t{check.values['serial_number']}\t{described}", err=True)
    valid = len(checked) - len(invalid)
    likely_duplicates = sum(check.is_likely_duplicate for check in checked)
    message = _("%(valid)s can be created, %(invalid)s cannot.", valid=f"{valid:,}", invalid=f"{len(invalid) - likely_duplicates:,}")
    click.echo(message, err=True)
    if likely_duplicates:
        sentence = ngettext(
            "%(count)s likely duplicate is skipped. To create it, use --with-likely-duplicates.",
            "%(count)s likely duplicates are skipped. To create them, use --with-likely-duplicates.",
            likely_duplicates,
            count=f"{likely_duplicates:,}",
        )
        click.echo(sentence, err=True)
    return valid


def _create(listed: Listed, defaults: dict[str, str], *, source: str, checked: list[RowCheck]) -> Task:
    """The task, run in this process as far as possible."""
    now = utc_now()
    with transaction() as session:
        stored = imports.store(
            session, listed, source=source, defaults=defaults, actor=of_command(), now=now, quota=quota(), checked=checked
        )
        task = terminal.claim_started(session, imports.start(session, stored.id, actor=of_command(), now=now), now=now)
    return terminal.run_with_progress(task, _("Creating"))


def _print_created(task: Task) -> int:
    """Prints what was created and what failed, and returns how many were created. Raises Unavailable if the task has not ended."""
    with reading() as session:
        created, failed = (tasks.items(session, task.id, state) for state in (ItemState.DONE, ItemState.FAILED))
    for item in created:
        click.echo(f"{item.data['serial_number']}\t{(item.result or {})['tag']}")
    for item in failed:
        click.echo(f"{item.data['serial_number']}\t{item.note}", err=True)
    if task.state != TaskState.DONE:
        raise Unavailable(task.error or _("Task %(id)s is %(state)s.", id=task.id, state=task.state))
    return len(created)
