"""Commands for holders."""

import click

from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.holders.tasks import start_comparison
from request_tracker_utils.tasks import cli as terminal
from request_tracker_utils.tasks.models import TaskState


@click.group()
def holders() -> None:
    """Who has what, here and in the directory."""


@holders.command("compare")
def compare() -> None:
    """Find every difference between the directory and who has what here, for the page Differences.

    It is a task like one that the page starts: when this command is ended early, a server goes on with it.
    """
    with transaction() as session:
        started = start_comparison(session, actor=of_command(), now=utc_now())
        task = terminal.take(session, started, now=utc_now())
    ended = terminal.watch(task, "Comparing")
    if ended.state != TaskState.DONE:
        raise Unavailable(ended.error or f"The comparison is {ended.state}.")
    click.echo(ended.summary)
