"""The poller with this app's settings, and the encryption of communication keys, for entry points."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from request_tracker_utils.attendance import rounds
from request_tracker_utils.attendance.alerts import Alerts
from request_tracker_utils.attendance.contact import Contact
from request_tracker_utils.attendance.errors import CommKeyNotDecrypted
from request_tracker_utils.attendance.leases import STORING
from request_tracker_utils.attendance.models import AttendancePerson, Terminal
from request_tracker_utils.attendance.polling import Poller
from request_tracker_utils.attendance.reading import TerminalReader
from request_tracker_utils.attendance.rounds import PollOutcome, RoundTerminal
from request_tracker_utils.attendance.terminal_changes import TerminalChange
from request_tracker_utils.attendance.terminal_problems import Limits
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.encryption import Encryption, NotDecrypted
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tasks.jobs import in_context_of_app
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.registry import registry, settings

PURPOSE = "communication keys of terminals"
PUSH_PURPOSE = "push keys of terminals"


def poller() -> Poller:
    given = settings()
    return Poller(
        reader=registry().get(TerminalReader),
        comm_key=comm_key,
        transaction=transaction,
        clock=utc_now,
        timeout=given.zkteco_timeout,
        deadline=given.zkteco_poll_deadline,
        allow_loopback=given.terminal_allow_loopback,
    )


def poll(terminals: Sequence[RoundTerminal], *, started_by: str, within: float | None = None, full: bool = False) -> Iterator[PollOutcome]:
    """A round with these terminals. Each is returned when its poll has ended, or as `polling` after `within` seconds."""
    context, stopping = in_context_of_app(), registry().stopping
    return rounds.poll_all(poller(), terminals, in_context=context, within=within, full=full, started_by=started_by, stopping=stopping)


def poll_all(*, started_by: str, within: float | None = None, full: bool = False) -> Iterator[PollOutcome]:
    """A round with all terminals that are polled."""
    with reading() as session:
        terminals = rounds.polled(session)
    return poll(terminals, started_by=started_by, within=within, full=full)


def limits() -> Limits:
    """When a terminal has a problem, with the settings that apply now, also those that were entered on a page."""
    given = registry().page_settings.current()
    return Limits(timedelta(minutes=given.terminal_silent_minutes), given.terminal_drift_seconds)


def alerts() -> Alerts:
    return Alerts(limits(), registry().find(Messenger), registry().page_settings.current().terminal_alert_recipients)


def encrypt(text: str) -> str:
    """A communication key, as it is stored."""
    return Encryption.of(settings(), PURPOSE).encrypt(text)


def comm_key(terminal: Terminal) -> int:
    """Raises CommKeyNotDecrypted."""
    if terminal.comm_key_cipher is None:
        return 0
    try:
        return int(Encryption.of(settings(), PURPOSE).decrypt(terminal.comm_key_cipher))
    except NotDecrypted:
        message = _("SECRET_KEY has changed. Enter the communication key of the terminal %(name)s again.", name=terminal.name)
        raise CommKeyNotDecrypted(message) from None


def encrypt_push_key(text: str) -> str:
    """A push key, as it is stored."""
    return Encryption.of(settings(), PUSH_PURPOSE).encrypt(text)


def push_key(terminal: Terminal) -> str:
    """The push key of a terminal that has one. Raises CommKeyNotDecrypted."""
    try:
        return Encryption.of(settings(), PUSH_PURPOSE).decrypt(terminal.push_key_cipher or "")
    except NotDecrypted:
        message = _("SECRET_KEY has changed. Enter the push key of the terminal %(name)s again.", name=terminal.name)
        raise CommKeyNotDecrypted(message) from None


def contact() -> Contact:
    return Contact(poller(), registry().get(TerminalReader))


def terminal_change() -> TerminalChange:
    """A change that the caller makes now."""
    given = settings()
    longest = timedelta(seconds=given.zkteco_poll_deadline) + STORING
    return TerminalChange(current_actor(), utc_now(), encrypt, given.terminal_allow_loopback, longest)


def subject_of(person: AttendancePerson) -> str:
    """The subject of accesses to this person, for the access log."""
    return f"person with punches {person.id}"
