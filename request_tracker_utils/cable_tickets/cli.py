"""Commands for cable tickets."""

import click

from request_tracker_utils.accounts import service as accounts
from request_tracker_utils.cable_tickets import approvals
from request_tracker_utils.cable_tickets.approval_links import Decision, approver_link, path_of
from request_tracker_utils.cable_tickets.current import change, link_keys, link_lifetime
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.db import LARGEST_ID, reading
from request_tracker_utils.web.registry import settings


@click.group()
def tickets() -> None:
    """Manage cable tickets."""


@tickets.command("approval-link")
@click.argument("ticket_id", metavar="ID", type=click.IntRange(1, LARGEST_ID))
@click.option("--user", "name", required=True, help="The approver.")
@click.option("--reject", is_flag=True, help="The link to reject, instead of the one to approve.")
def approval_link(ticket_id: int, name: str, reject: bool) -> None:
    """Print an approver's link for the ticket ID."""
    with reading() as session:
        link, token = approver_link(session, ticket_id, accounts.user_named(session, name), link_keys)
        approvals.require_open(link, change(session, actor=of_command()), link_lifetime())
    click.echo(settings().public_address() + path_of(ticket_id, Decision.REJECT if reject else Decision.APPROVE, token))
