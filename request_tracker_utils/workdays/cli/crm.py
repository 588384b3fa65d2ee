"""Commands that send workdays to the CRM, and test the connection to it."""

import sys
from datetime import date, datetime

import click

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.counts import sync_counts
from request_tracker_utils.workdays.crm.outbox import Selection
from request_tracker_utils.workdays.crm.sync import SyncResult

DAY = click.DateTime(["%Y-%m-%d"])
SHOWN = 20
"""Errors that are printed."""


@click.command("sync_to_crm")
@click.option("--limit", type=click.IntRange(min=1), help="Send at most N workdays.")
@click.option("--start-date", type=DAY, help="First day.")
@click.option("--end-date", type=DAY, help="Last day.")
@click.option("--user-id", help="Only the workdays of this user ID.")
@click.option("--retry-failed", is_flag=True, help="Send those that have failed or were rejected, without waiting for their next attempt.")
@click.option("--force", is_flag=True, help="Also send what the CRM has accepted, with the same keys.")
def sync_to_crm(
    limit: int | None, start_date: datetime | None, end_date: datetime | None, user_id: str | None, retry_failed: bool, force: bool
) -> None:
    """Send workdays that have ended to the CRM. Exits with 1 if some were not accepted."""
    if retry_failed and force:
        raise click.UsageError(_("Choose either --retry-failed or --force."))
    selection = Selection(
        start_date=_date(start_date),
        end_date=_date(end_date),
        user_id=user_id,
        failed_only=retry_failed,
        rejected=retry_failed,
        again=force,
    )
    _run(selection, limit)


@click.command("retry_failed_syncs")
def retry_failed_syncs() -> None:
    """Send workdays again that have failed, except those that the CRM has rejected. Exits with 1 if some were not accepted."""
    _run(Selection(failed_only=True), None)


@click.command("daily_cleanup")
def daily_cleanup() -> None:
    """Remove the CRM's answers to workdays that it accepted 90 days ago or earlier. Nothing that is not synced is removed."""
    click.echo(_("Removed answers: %(count)s.", count=current.remove_old_answers()))


@click.command("test_crm")
@click.option("--stats", is_flag=True, help="Also count the workdays that the CRM has accepted.")
def test_crm(stats: bool) -> None:
    """Ask the CRM for its options, without sending a workday. Exits with 1 if it cannot be reached or does not accept the token."""
    client = current.crm_sync().client
    problem = ""
    try:
        answer = client.probe()
    except AppError as error:
        problem = error.message
    else:
        if answer.status in (401, 403):
            problem = _("The CRM does not accept the token (%(status)s). Check CRM_API_TOKEN.", status=answer.status)
        elif 300 <= answer.status < 400 or answer.status in (404, 410) or answer.status >= 500:
            problem = _("The CRM answers %(status)s. Check CRM_API_URL.", status=answer.status)
        elif answer.status < 300:
            click.echo(_("The CRM at %(address)s accepts the token (%(status)s).", address=client.address, status=answer.status))
        else:
            text = _("The CRM at %(address)s answers (%(status)s). Whether it accepts the token is seen when a workday is sent.")
            click.echo(text % {"address": client.address, "status": answer.status})
    if stats:
        with reading() as session:
            counts = sync_counts(session)
        values = {name: getattr(counts, name) for name in ("total", "synced", "unsynced", "failed", "sync_percentage")}
        text = _("Workdays: %(total)s, synced: %(synced)s (%(sync_percentage)s %%), unsynced: %(unsynced)s, failed: %(failed)s.")
        click.echo(text % values)
    if problem:
        click.echo(problem, err=True)
        sys.exit(1)


def _run(selection: Selection, limit: int | None) -> None:
    sync = current.crm_sync()
    length = current.count_selected(selection, limit)
    with click.progressbar(length=length, label=_("Workdays"), file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        result = sync.run(selection, limit=limit, progress=bar.update)
    _show(result)


def _show(result: SyncResult) -> None:
    counts = {"total": result.total, "successful": result.successful, "failed": result.failed}
    click.echo(_("Sent: %(total)s, accepted: %(successful)s, not accepted: %(failed)s.", **counts))
    for each in result.errors[:SHOWN]:
        click.echo(f"{each.date.isoformat()} {each.user_id}: {each.error}", err=True)
    if result.failed > SHOWN:
        click.echo(_("and %(count)s more", count=result.failed - SHOWN), err=True)
    if result.stopped is not None:
        click.echo(_("The run has ended early: %(reason)s", reason=result.stopped.message), err=True)
    if result.failed or result.stopped:
        sys.exit(1)


def _date(value: datetime | None) -> date | None:
    return value and value.date()
