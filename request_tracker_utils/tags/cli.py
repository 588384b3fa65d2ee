"""Commands for tags."""

from collections.abc import Iterator
from itertools import chain

import click

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.reconciliation.cli import compare_command
from request_tracker_utils.tags import adoption, audit, legacy_log, sequence
from request_tracker_utils.tags.current import RECONCILIATION
from request_tracker_utils.web.exports import Export
from request_tracker_utils.web.registry import settings


@click.group()
def tags() -> None:
    """Manage asset tags."""


@tags.command("next")
@click.option("--prefix", help="Prefix of the sequence. Default: PREFIX.")
def next_tag(prefix: str | None) -> None:
    """Print the next tag, without using it."""
    with reading() as session:
        tag = sequence.preview(session, prefix or settings().prefix)
    click.echo(str(tag))


@tags.command("audit")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, without a limit unless --limit is set.")
@click.option("--search", default="", help="Exact match: a tag, an asset ID (123 or #123), a user, or an old name.")
@click.option("--limit", type=click.IntRange(1), help="Maximum number of rows. Default: 50.")
def show_audit(as_csv: bool, search: str, limit: int | None) -> None:
    """Print the audit log, newest first."""
    zone = settings().zone
    with reading() as session:
        found = audit.search(session, audit.AuditFilter(search.strip()))
        events = audit.stream(session, found, limit=limit or (None if as_csv else audit.PAGE))
        rows = (audit.export_row(event, zone) for event in events)
        for line in Export(audit.EXPORT_COLUMNS, rows, what="audit log of tags") if as_csv else _tab_separated(rows):
            click.echo(line.encode(), nl=False)


@tags.command("adopt")
def adopt() -> None:
    """Import the existing tags now, and print the report of the legacy log."""
    count = adoption.adopt_configured(transaction, asset_store(), settings(), actor=of_command(), now=utc_now())
    click.echo(_("Imported or assigned: %(count)s.", count=count))
    with reading() as session:
        for record in adoption.log_imports(session):
            click.echo(f"{record.file}:")
            for sentence in chain(legacy_log.summary(record.report), legacy_log.problem_lines(record.report)):
                click.echo(f"  {sentence}")


def _tab_separated(rows: Iterator[list[object]]) -> Iterator[str]:
    for row in rows:
        yield "\t".join("" if cell is None else str(cell) for cell in row) + "\n"


tags.add_command(compare_command(RECONCILIATION, "Find all differences between asset tags and asset names."))
