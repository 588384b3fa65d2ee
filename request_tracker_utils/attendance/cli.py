"""Commands for terminals."""

import sys

import click

from request_tracker_utils.attendance import service
from request_tracker_utils.attendance.current import encrypt, poller
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import Outcome
from request_tracker_utils.attendance.reading import Layout, Transport
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.registry import settings


@click.group()
def terminals() -> None:
    """Manage terminals for time and attendance."""


@terminals.command()
@click.argument("name")
@click.argument("address")
@click.option("--port", type=click.IntRange(1, 65535), help="If not ZKTECO_DEFAULT_PORT.")
@click.option("--timezone", help="Time zone of its clock, if not TIMEZONE.")
@click.option("--site", default="", help="Terminals of one site share their user IDs.")
@click.option("--transport", type=click.Choice([str(each) for each in Transport]), default=str(Transport.TCP), show_default=True)
@click.option("--layout", type=click.Choice([str(each) for each in Layout]), default=str(Layout.AUTO), help="How its records are packed.")
@click.option("--timeout", type=click.FloatRange(1, service.LONGEST_TIMEOUT), help="Seconds for each answer, if not ZKTECO_TIMEOUT.")
@click.option("--comm-key-stdin", is_flag=True, help="Read its communication key from standard input.")
def add(
    name: str,
    address: str,
    port: int | None,
    timezone: str | None,
    site: str,
    transport: str,
    layout: str,
    timeout: float | None,
    comm_key_stdin: bool,
) -> None:
    """Add a terminal that is polled."""
    given = settings()
    new = service.NewTerminal(
        name,
        timezone or given.timezone,
        address,
        port or given.zkteco_default_port,
        transport,
        layout,
        timeout,
        _typed_key() if comm_key_stdin else 0,
        site,
    )
    how = {"encrypt": encrypt, "allow_loopback": given.terminal_allow_loopback, "actor": of_command(), "now": utc_now()}
    with transaction() as session:
        terminal = service.add(session, new, **how)  # type: ignore[arg-type]
    click.echo(_("Added the terminal %(name)s with the ID %(id)s.", name=terminal.name, id=terminal.id))


@terminals.command("list")
def list_terminals() -> None:
    """List terminals: ID, name, address and port, time of the last complete poll, last error."""
    with reading() as session:
        for terminal in service.all_terminals(session):
            address = f"{terminal.address}:{terminal.port}" if terminal.address else ""
            synced = terminal.last_sync_at.isoformat(timespec="seconds") if terminal.last_sync_at else ""
            click.echo("\t".join([str(terminal.id), terminal.name, address, synced, terminal.last_error or ""]).rstrip())


@terminals.command("accept-replacement")
@click.argument("terminal_id", type=int)
def accept_replacement(terminal_id: int) -> None:
    """Store the records of the terminal that has replaced TERMINAL_ID at its address."""
    with transaction() as session:
        terminal = service.accept_replacement(session, terminal_id, actor=of_command(), now=utc_now())
    click.echo(_("The terminal %(name)s has the serial number %(number)s.", name=terminal.name, number=terminal.serial_number or "–"))


@click.command("poll_devices")
@click.option("--full", is_flag=True, help="Read whole logs, even if nothing seems to have changed.")
def poll_devices(full: bool) -> None:
    """Poll all enabled terminals now. Exits with 1 if one fails."""
    polled, failed = poller(), 0
    with reading() as session:
        found = {id: find_terminal(session, id).name for id in service.polled_ids(session)}
    for terminal_id, name in found.items():
        try:
            result = polled.poll(terminal_id, full=full, started_by=of_command().name)
        except AppError as error:
            failed += 1
            click.echo(f"{name}: {error.message}", err=True)
        else:
            failed += result.outcome is Outcome.INCOMPLETE
            counts = {"name": name, "records": result.records, "new": result.new_punches, "quarantined": result.quarantined}
            click.echo(_("%(name)s: %(records)s records, %(new)s new, %(quarantined)s cannot be decoded.", **counts))
            if result.terminal.last_error:
                click.echo(f"{name}: {result.terminal.last_error}", err=True)
    if failed:
        sys.exit(1)


def _typed_key() -> int:
    typed = sys.stdin.readline().strip()
    if not (typed.isascii() and typed.isdigit()):
        raise click.UsageError(_("The communication key is a number."))
    return int(typed)
