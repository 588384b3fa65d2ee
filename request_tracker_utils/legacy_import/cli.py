"""The command that takes over an older installation."""

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
from request_tracker_utils.legacy_import.report import Counts, Problem
from request_tracker_utils.legacy_import.run import Run, Wanted
from request_tracker_utils.legacy_import.seen import Seen
from request_tracker_utils.legacy_import.sequence_file import sequence_file
from request_tracker_utils.legacy_import.service import take_over
from request_tracker_utils.legacy_import.source import Source, opened
from request_tracker_utils.tags import adoption, legacy_tags
from request_tracker_utils.web.registry import settings

HEAD = ("table", "row", "outcome", "reason")


class Zone(click.ParamType[ZoneInfo]):
    name = "zone"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        try:
            return ZoneInfo(str(value))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(f"{value} is no zone. Name one such as Europe/Berlin or America/Chicago.", param, ctx)


@click.command("import-legacy")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Write nothing; tell what would come of it.")
@click.option("--sequence-file", "named", type=click.Path(path_type=Path), help="The older sequence file, if it has another place.")
@click.option("--timezone", "zone", type=Zone(), help="Zone of times that name none, in place of TIMEZONE.")
@click.option("--tell-directory", is_flag=True, help="Have Request Tracker told who has which device, in place of comparing first.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write what is told of single rows into this CSV file too.")
def import_legacy(file: Path, dry_run: bool, named: Path | None, zone: ZoneInfo | None, sync_holders: bool, report: Path | None) -> None:
    """Take over students, devices and their record from an older installation's database FILE.

    FILE is only read. What is here already stays as it is, so this can be run again. Prints a table of what was taken; what has to be
    said of single rows goes to the error output. Ends with 1 when a row was not taken.
    """
    wanted = Wanted(
        zone=zone or settings().zone,
        actor=of_command(),
        now=utc_now(),
        dry=dry_run,
        tells_directory=sync_holders,
        knows_assets=asset_store().kind == "rt",
    )
    with opened(file) as source, Seen() as seen, nullcontext() if dry_run else holding(db.engine, "import-legacy"):
        _take_over_tags(sequence_file(named, file, settings().asset_tag_sequence_file), wanted)
        run = Run(wanted, seen)
        _take_over_rows(source, run, report)
    _print(run.counts)
    if dry_run:
        click.echo("Nothing was written: this was a dry run.")
    sys.exit(1 if run.counts.lost else 0)


def _take_over_tags(file: Path | None, wanted: Wanted) -> None:
    """Names that the directory holds, the sequence file and the older log, before any device brings its tag."""
    prefix, number = settings().prefix, legacy_tags.next_number(file, settings().prefix) if file else None
    if number is not None:
        click.echo(f"{file}: the next tag there is {prefix}{number:04d}.")
    if wanted.dry:
        return
    log = legacy_tags.log_file(settings().asset_tag_confirmations_log, file)
    actor, now = wanted.actor, wanted.now
    count = adoption.adopt(transaction, asset_store(), prefix=prefix, file=file, log=log, zone=wanted.zone, actor=actor, now=now)
    with transaction() as session:
        following = legacy_tags.continue_sequence(session, prefix, number or 1, actor=actor, now=now)
    click.echo(f"Tags: {count:,} taken over from the directory and the older log; the sequence goes on from {following}.")


def _take_over_rows(source: Source, run: Run, report: Path | None) -> None:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True, soft_wrap=True)
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console) as progress:
        bars = {name: progress.add_task(name, total=table.size) for name, table in source.tables.items()}
        problems = take_over(source, reading if run.wanted.dry else transaction, run, lambda name, done: progress.advance(bars[name], done))
        lines = csv_lines(HEAD, _told(problems, partial(console.out, highlight=False)))
        if report is None:
            for _ in lines:
                pass  # each is told as it is met
        else:
            _write(lines, report)


def _told(problems: Iterator[Problem], tell: Callable[[str], None]) -> Iterator[tuple[str, str, str, str]]:
    for each in problems:
        tell(f"{each.table} {each.row}: {each.outcome}. {each.reason}")
        yield each.table, each.row, str(each.outcome), each.reason


def _write(lines: Iterator[str], report: Path) -> None:
    try:
        stream = report.open("w", encoding="utf-8-sig", newline="")
    except OSError as error:
        raise Invalid(f"--report: {report} cannot be written: {error.strerror}. Name another file.") from None
    with stream:
        stream.writelines(lines)


def _print(counts: Counts) -> None:
    lines = counts.lines()
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        numbers = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        click.echo("  ".join((first.ljust(widths[0]), *numbers)))
