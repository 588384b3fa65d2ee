"""Commands for tags."""

import click

from request_tracker_utils.core.db import reading
from request_tracker_utils.tags import sequence
from request_tracker_utils.web.house import settings


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
