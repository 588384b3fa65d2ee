"""The command that imports a legacy installation."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.locks import holding
from request_tracker_utils.core.private_files import open_private, tighten
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.legacy_import.run import Counts, ImportOptions, ImportRun, RowReport, RunIndex
from request_tracker_utils.legacy_import.service import import_database
from request_tracker_utils.legacy_import.source import Source, open_source
from request_tracker_utils.tags import adoption
from request_tracker_utils.web.registry import settings

REPORT_HEADER = ("table", "row", "outcome", "reason")
SEQUENCE_NAME = "asset_tag_sequence.txt"
"""Usual name of the sequence file, in the folder of the legacy database."""


class Zone(click.ParamType[ZoneInfo]):
    name = "zone"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        try:
            return ZoneInfo(str(value))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(_("%(value)s is not a time zone. Use a name such as America/New_York or America/Chicago.", value=value), param, ctx)


@click.command("import-legacy")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Preview the import without writing anything.")
@click.option(
    "--sequence-file", "sequence_file", type=click.Path(path_type=Path), help="The legacy sequence file, if it is in another folder."
)
@click.option("--timezone", "zone", type=Zone(), help="Time zone of times without one, instead of TIMEZONE.")
@click.option(
    "--tell-directory", "sync_holders", is_flag=True, help="Push who has which device to Request Tracker, instead of comparing first."
)
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Also write the report of rows to this CSV file.")
def import_legacy(
    file: Path, dry_run: bool, sequence_file: Path | None, zone: ZoneInfo | None, sync_holders: bool, report: Path | None
) -> None:
    """Import students, devices and their history from a legacy installation's database FILE.

    FILE is only read. Existing records are not changed, so the import can be repeated. Prints a table of counts to standard output, and
    every row with warnings or that was not imported to standard error. The exit code is 1 if a row was not imported.
    """
    options = ImportOptions(
        zone=zone or settings().zone,
        actor=of_command(),
        now=utc_now(),
        dry_run=dry_run,
        sync_holders=sync_holders,
        has_asset_ids=asset_store().kind == "rt",
    )
    with open_source(file) as source, RunIndex() as index, nullcontext() if dry_run else holding(db.engine, "import-legacy"):
        _import_tags(_find_sequence_file(sequence_file, file), options)
        run = ImportRun(options, index)
        _import_rows(source, run, report)
    _print(run.counts)
    if dry_run:
        click.echo(_("Dry run: nothing was written."))
    sys.exit(1 if run.counts.not_imported else 0)


def _find_sequence_file(option: Path | None, database: Path) -> Path | None:
    """The file of the option, of the setting, or with the usual name in the folder of the database, if it exists."""
    in_folder = database.resolve().with_name(SEQUENCE_NAME)
    return option or settings().asset_tag_sequence_file or (in_folder if in_folder.is_file() else None)


def _import_tags(sequence_file: Path | None, options: ImportOptions) -> None:
    """Imports tags of the asset store, the sequence file and the legacy log, before those of devices."""
    prefix = settings().prefix
    number = adoption.read_next_number(sequence_file, prefix) if sequence_file else None
    if number is not None:
        click.echo(_("%(file)s: the next tag is %(tag)s.", file=sequence_file, tag=f"{prefix}{number:04d}"))
    if options.dry_run:
        return
    log = adoption.log_file(settings().asset_tag_confirmations_log, sequence_file)
    actor, now, zone = options.actor, options.now, options.zone
    count = adoption.adopt(transaction, asset_store(), prefix=prefix, file=sequence_file, log=log, zone=zone, actor=actor, now=now)
    with transaction() as session:
        following = adoption.continue_sequence(session, prefix, number or 1, actor=actor, now=now)
    click.echo(
        _(
            "Tags: %(count)s imported from asset names and the legacy log. The sequence continues with %(tag)s.",
            count=f"{count:,}",
            tag=following,
        )
    )


def _import_rows(source: Source, run: ImportRun, report: Path | None) -> None:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True, soft_wrap=True)
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console) as progress:
        bars = {name: progress.add_task(name, total=table.size) for name, table in source.tables.items()}
        sessions = reading if run.options.dry_run else transaction
        reports = import_database(source, sessions, run, lambda name, done: progress.advance(bars[name], done))
        lines = csv_lines(REPORT_HEADER, _printed(reports, partial(console.out, highlight=False)))
        if report is None:
            for _line in lines:
                pass  # each report is printed as it is yielded
        else:
            _write(lines, report)


def _printed(reports: Iterator[RowReport], print_line: Callable[[str], None]) -> Iterator[tuple[str, str, str, str]]:
    for each in reports:
        print_line(f"{each.table} {each.row}: {each.outcome}. {each.reason}")
        yield each.table, each.row, str(each.outcome), each.reason


def _write(lines: Iterator[str], report: Path) -> None:
    try:
        stream = os.fdopen(open_private(report, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8", newline="")  # it names students
        tighten([report])
    except OSError as error:
        message = _("--report: %(file)s cannot be written: %(error)s. Use another file.", file=report, error=error.strerror)
        raise Invalid(message) from None
    with stream:
        stream.writelines(lines)


def _print(counts: Counts) -> None:
    rows = counts.table()
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        click.echo("  ".join((first.ljust(widths[0]), *cells)))
