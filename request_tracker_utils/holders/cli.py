"""Commands for holders."""

import click

from request_tracker_utils.holders.current import RECONCILIATION
from request_tracker_utils.reconciliation.cli import compare_command


@click.group()
def holders() -> None:
    """Compare device holders with the holders of their assets."""


holders.add_command(compare_command(RECONCILIATION, "Find all differences between device holders and the holders of their assets."))
