"""Commands for terminals."""

import sys
from datetime import datetime, timedelta

import click
from sqlalchemy import func, select

from request_tracker_utils.attendance import current, leases, rounds, service
from request_tracker_utils.attendance.addresses import check_address
from request_tracker_utils.attendance.current import encrypt
from request_tracker_utils.attendance.errors import TerminalNotPolled
from request_tracker_utils.attendance.models import Punch
from request_tracker_utils.attendance.reading import Layout, Target, TerminalReader, Transport
from request_tracker_utils.attendance.rounds import PollOutcome, Status
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.registry import registry, settings

LONGEST_DAYS = 36_525
"""A century: dates before the year 1 cannot be computed."""


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
@click.option(
    "--since-hours", type=click.IntRange(1, 24 * LONGEST_DAYS), help="Count new punches of the last N hours. All new ones are stored."
)
@click.option("--since-days", type=click.IntRange(1, LONGEST_DAYS), help="Count new punches of the last N days. All new ones are stored.")
@click.option("--full", is_flag=True, help="Read whole logs, even if nothing seems to have changed.")
def poll_devices(since_hours: int | None, since_days: int | None, full: bool) -> None:
    """Poll all enabled terminals now. Exits with 1 if one fails.

    Terminals cannot answer "since": their whole logs are read, and all new punches are stored. --since-hours and --since-days only limit
    which new punches are counted.
    """
    if since_hours and since_days:
        raise click.UsageError(_("Choose either --since-hours or --since-days."))
    began, span = utc_now(), timedelta(hours=since_hours or 0, days=since_days or 0)
    with reading() as session:
        terminals = rounds.polled(session)
    ended = []
    with click.progressbar(length=len(terminals), label=_("Terminals"), file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        for outcome in current.poll(terminals, started_by=of_command().name, full=full):
            ended.append(outcome)
            bar.update(1)
    for outcome in sorted(ended, key=lambda each: (each.name.casefold(), each.terminal_id)):
        _show(outcome)
        if span and outcome.result is not None:
            count = _count_new(outcome.terminal_id, received=began, punched=began - span)
            since = (began - span).isoformat(timespec="minutes")
            click.echo(_("%(name)s: %(count)s of the new ones since %(since)s.", name=outcome.name, count=count, since=since))
    if any(each.status is not Status.SUCCESS for each in ended):
        sys.exit(1)


@click.command("test_device")
@click.option("--all", "every", is_flag=True, help="All enabled terminals.")
@click.option("--device-id", type=int, help="The terminal with this ID.")
@click.option("--ip", help="The terminal at this address, which need not be added.")
@click.option("--port", type=click.IntRange(1, 65535), help="With --ip, if not ZKTECO_DEFAULT_PORT.")
@click.option("--transport", type=click.Choice([str(each) for each in Transport]), help="With --ip, if not tcp.")
@click.option("--comm-key-stdin", is_flag=True, help="With --ip: read the communication key from standard input.")
def test_device(every: bool, device_id: int | None, ip: str | None, port: int | None, transport: str | None, comm_key_stdin: bool) -> None:
    """Ask terminals what they are, without storing anything. Exits with 1 if one does not answer."""
    if sum([every, device_id is not None, ip is not None]) != 1 or ((port or transport or comm_key_stdin) and ip is None):
        raise click.UsageError(_("Choose one of --all, --device-id and --ip. Use --port, --transport and --comm-key-stdin only with --ip."))
    targets = _stored_targets(device_id) if ip is None else _entered_target(ip, port, transport, _typed_key() if comm_key_stdin else 0)
    failed = 0
    with click.progressbar(targets.items(), label=_("Terminals"), file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        for name, target in bar:
            try:
                reached = target if isinstance(target, Target) else _target(target)
                info = registry().get(TerminalReader).info(reached, deadline=settings().zkteco_poll_deadline)
            except AppError as error:
                failed += 1
                click.echo(f"{name}: {error.message}", err=True)
            else:
                counts = {"users": info.users, "records": info.records, "capacity": info.capacity}
                described = [info.serial_number or "–", info.device_name or "–", info.platform or "–", info.firmware or "–"]
                click.echo(
                    f"{name}: " + ", ".join(described) + ", " + _("users: %(users)s, records: %(records)s of %(capacity)s", **counts)
                )
    if failed:
        sys.exit(1)


def _entered_target(ip: str, port: int | None, transport: str | None, comm_key: int) -> dict[str, Target | int]:
    """A terminal that need not be stored, by its address and port."""
    given = settings()
    address = check_address(ip, allow_loopback=given.terminal_allow_loopback)
    port = port or given.zkteco_default_port
    target = Target(address, port, Transport(transport or Transport.TCP), comm_key, timeout=given.zkteco_timeout)
    return {f"{address}:{port}": target}


def _stored_targets(device_id: int | None) -> dict[str, Target | int]:
    """IDs of one or of all enabled terminals, by name."""
    with reading() as session:
        if device_id is not None:
            return {leases.find_terminal(session, device_id).name: device_id}
        return {each.name: each.id for each in rounds.polled(session)}


def _target(terminal_id: int) -> Target:
    with reading() as session:
        terminal = leases.find_terminal(session, terminal_id)
    if terminal.address is None:
        raise TerminalNotPolled(_("The terminal %(name)s has no address: it pushes its records.", name=terminal.name))
    return current.poller().target(terminal)


def _show(outcome: PollOutcome) -> None:
    if outcome.result is not None:
        result = outcome.result
        counts = {"name": outcome.name, "records": result.records, "new": result.new_punches, "quarantined": result.quarantined}
        click.echo(_("%(name)s: %(records)s records, %(new)s new, %(quarantined)s cannot be decoded.", **counts))
    if outcome.error:
        click.echo(f"{outcome.name}: {outcome.error}", err=True)


def _count_new(terminal_id: int, *, received: datetime, punched: datetime) -> int:
    wanted = (Punch.terminal_id == terminal_id, Punch.received_at >= received, Punch.punched_at >= punched)
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Punch).where(*wanted)) or 0


def _typed_key() -> int:
    typed = sys.stdin.readline().strip()
    if not (typed.isascii() and typed.isdigit()):
        raise click.UsageError(_("The communication key is a number."))
    return int(typed)
