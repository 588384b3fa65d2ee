"""Commands for assets."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import IO

import click

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import intakes, lists
from request_tracker_utils.assets.fields import FIELDS
from request_tracker_utils.assets.intakes import Finding
from request_tracker_utils.assets.lists import Listed
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.imports.cli import apply_column_options
from request_tracker_utils.tasks import cli as terminal, service as tasks
from request_tracker_utils.tasks.models import ItemState, Task, TaskState

NOT_ALL = 1
"""Exit code when not every row of the list became an asset, or could."""


@click.group()
def assets() -> None:
    """Assets."""


@assets.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Only say what stands against the list.")
@click.option("--column", "named", multiple=True, metavar="FIELD=HEADING", help='Where a field stands, such as serial_number="S/N".')
@click.option("--manufacturer", default="", help="Where the list says nothing.")
@click.option("--model", default="", help="Where the list says nothing.")
@click.option("--category", default="", help="Where the list says nothing.")
@click.option("--funding-source", default="", help="Where the list says nothing.")
@click.option("--catalog", default="", help="Where the list says nothing, in place of RT_CATALOG.")
@click.pass_context
def import_list(ctx: click.Context, /, file: str, dry_run: bool, named: tuple[str, ...], **defaults: str) -> None:
    """Create the assets of a list: FILE is a CSV file, or - for standard input.

    What stands against rows goes to the error output, and those rows are left out. Then each serial number with its new tag is printed. The
    work is a task like one that the page starts: when this command is ended early, a server goes on with it. Exits with 1 unless every row
    was created, or could be.
    """
    with click.open_file(file, "rb") as opened:
        listed = _read(opened, named)
    held = {field: value.strip() for field, value in defaults.items()}
    found = intakes.look(reading, asset_store(), listed, held)
    good = _tell(found)
    if good and not dry_run:
        task = _create(listed, held, source="" if file == "-" else Path(file).name, found=found)
        good = _print(task)
    if good < len(found):
        ctx.exit(NOT_ALL)


def _read(file: IO[bytes], options: Iterable[str]) -> Listed:
    """Raises FileUnreadable, UsageError."""
    options = list(options)
    listed = lists.read(lists.decode(file.read(lists.MAX_FILE_SIZE + 1)), has_header=bool(options))
    return replace(listed, columns=apply_column_options(options, listed.header, listed.columns, FIELDS))


def _tell(found: list[Finding]) -> int:
    """Says what stands against the rows, and returns how many can be created."""
    bad = [finding for finding in found if finding.problems]
    for finding in bad:
        holder = f" (asset #{finding.asset_id}{', ' + finding.tag if finding.tag else ''})" if finding.asset_id else ""
        click.echo(f"line {finding.line}\t{finding.values['serial_number']}\t{'; '.join(finding.problems)}{holder}", err=True)
    good = len(found) - len(bad)
    click.echo(f"{good:,} can be created, {len(bad):,} cannot.", err=True)
    return good


def _create(listed: Listed, held: dict[str, str], *, source: str, found: list[Finding]) -> Task:
    """The task, done as far as it could be in this process."""
    now = utc_now()
    with transaction() as session:
        intake = intakes.add(session, listed, source=source, defaults=held, actor=of_command(), now=now, checked=found)
        task = terminal.claim_started(session, intakes.start(session, intake.id, actor=of_command(), now=now), now=now)
    return terminal.run_with_progress(task, "Creating")


def _print(task: Task) -> int:
    """Prints what was created and what failed, and returns how many were created. Raises Unavailable when the task has not ended."""
    with reading() as session:
        done, failed = (tasks.items(session, task.id, state) for state in (ItemState.DONE, ItemState.FAILED))
    for item in done:
        click.echo(f"{item.data['serial_number']}\t{(item.result or {})['tag']}")
    for item in failed:
        click.echo(f"{item.data['serial_number']}\t{item.note}", err=True)
    if task.state != TaskState.DONE:
        raise Unavailable(task.error or f"Task {task.id} is {task.state}.")
    return len(done)
