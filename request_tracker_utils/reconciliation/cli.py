"""The command that runs a comparison and shows its progress."""

from typing import Any

import click

from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.reconciliation.reconciler import Reconciliation
from request_tracker_utils.reconciliation.tasks import start_comparison
from request_tracker_utils.tasks import cli as terminal
from request_tracker_utils.tasks.models import TaskState


def compare_command(reconciliation: Reconciliation[Any], description: str) -> click.Command:
    """`compare`, for the domain's group of commands."""

    def compare() -> None:
        with transaction() as session:
            started = start_comparison(session, reconciliation, actor=of_command(), now=utc_now())
            task = terminal.claim_started(session, started, now=utc_now())
        ended = terminal.run_with_progress(task, "Comparing")
        if ended.state != TaskState.DONE:
            raise Unavailable(ended.error or _("The comparison is %(state)s.", state=ended.state))
        click.echo(ended.summary)

    more = "The comparison is a task. If this command is interrupted, a server process continues it."
    return click.Command("compare", callback=compare, help=f"{description}\n\n{more}")
