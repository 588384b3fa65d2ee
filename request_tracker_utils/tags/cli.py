"""Commands for tags."""

import sys
from collections.abc import Iterator
from itertools import chain

import click

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.reconciliation.cli import compare_command
from request_tracker_utils.tags import adoption, audit, older_log, older_report, sequence
from request_tracker_utils.tags.audit_lines import HEAD, cells
from request_tracker_utils.tags.current import RECONCILIATION
from request_tracker_utils.web.registry import settings


@click.group()
def tags() -> None:
    """Asset tags."""


@tags.command("next")
@click.option("--prefix", help="Another prefix than PREFIX.")
def next_tag(prefix: str | None) -> None:
    """Print the tag that would be given next; nothing is spent."""
    with reading() as session:
        tag = sequence.preview(session, prefix or settings().prefix)
    click.echo(str(tag))


@tags.command("audit")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, all of it unless --limit says otherwise.")
@click.option("--search", default="", help="A tag, an asset's number (123 or #123), who did it, or an old name; exactly.")
@click.option("--limit", type=click.IntRange(1), help="How many rows at most; 50 unless CSV is printed.")
def show_audit(as_csv: bool, search: str, limit: int | None) -> None:
    """Print the audit trail, the newest first."""
    with reading() as session:
        found = audit.search(session, audit.Wanted(search.strip()))
        rows = (cells(event, settings().zone) for event in audit.every(session, found, limit=limit or (None if as_csv else audit.PAGE)))
        for line in csv_lines(HEAD, rows) if as_csv else _columns(rows):
            sys.stdout.write(line)


@tags.command("adopt")
def adopt() -> None:
    """Take over now what the directory and an older installation hold, and print the report of the older log."""
    count = adoption.adopt_as_set(transaction, asset_store(), settings(), actor=of_command(), now=utc_now())
    click.echo(f"{count} taken over or given.")
    with reading() as session:
        for record in older_log.records(session):
            click.echo(f"{record.file}:")
            for sentence in chain(older_report.sentences(record.report), older_report.named_lines(record.report)):
                click.echo(f"  {sentence}")


def _columns(rows: Iterator[list[object]]) -> Iterator[str]:
    for row in rows:
        yield "\t".join("" if cell is None else str(cell) for cell in row) + "\n"


tags.add_command(compare_command(RECONCILIATION, "Find all differences between asset tags and asset names, for the page Differences."))
