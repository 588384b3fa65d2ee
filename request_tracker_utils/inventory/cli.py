"""Commands for the stock."""

import sys

import click

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.stock import find_imbalances


@click.group()
def stock() -> None:
    """Manage the stock of cable."""


@stock.command()
def check() -> None:
    """Recompute every balance from the ledger and the reservations. Exits with 1 if one differs."""
    with reading() as session:
        imbalances = find_imbalances(session)
    for each in imbalances:
        values = {"name": each.name, "id": each.stock_id, "what": each.what, "stored": each.stored, "computed": each.computed}
        click.echo(_("%(name)s (row %(id)s): %(what)s is %(stored)s, but should be %(computed)s.", **values))
    if imbalances:
        sys.exit(1)
    click.echo(_("All balances are the sums of their movements and reservations."))
