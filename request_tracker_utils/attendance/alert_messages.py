"""What messages and pages say about alerts of terminals."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import Terminal, TerminalAlert
from request_tracker_utils.core.messages import MessageKind
from request_tracker_utils.core.translation import gettext as _, gettext_noop

ALERT_BEGAN = MessageKind("terminal-alert", gettext_noop("Problem of a terminal"), "attendance/messages/terminal-alert")
ALERT_ENDED = MessageKind("terminal-alert-ended", gettext_noop("Problem of a terminal has ended"), "attendance/messages/terminal-alert")
BEGAN: Mapping[str, tuple[str, str, str]] = {
    "silent": (
        gettext_noop("%(name)s is silent"),
        gettext_noop("The terminal has neither answered nor pushed for %(minutes)s minutes. %(error)s"),
        gettext_noop("Check its power and its network. Its punches are in its memory, and are stored when it answers."),
    ),
    "nearly_full": (
        gettext_noop("The memory of %(name)s is nearly full"),
        gettext_noop("It has %(records)s records of at most %(capacity)s (%(percent)s%%)."),
        gettext_noop("Check that everything is stored, then clear the log on the terminal. A full terminal may record no more punches."),
    ),
    "drift": (
        gettext_noop("The clock of %(name)s is wrong"),
        gettext_noop("It is %(seconds)s seconds %(direction)s."),
        gettext_noop("Set the clock of the terminal. Then correct earlier punches with a clock repair."),
    ),
    "replaced": (
        gettext_noop("%(name)s was replaced"),
        gettext_noop("The terminal had the serial number %(number)s. Now %(reported)s answers at its address."),
        gettext_noop("Its punches are not stored until an administrator accepts the replacement."),
    ),
    "serial_taken": (
        gettext_noop("%(name)s has the serial number of another terminal"),
        gettext_noop("%(reported)s answers at its address, which is the serial number of %(other)s."),
        gettext_noop("Its punches are not stored. Correct the address of one of the two terminals."),
    ),
    "unknown_size": (
        gettext_noop("The records of %(name)s have an unknown size"),
        gettext_noop("The log is stored as the terminal sent it, but its punches are not."),
        gettext_noop("Choose its record layout."),
    ),
    "incomplete": (
        gettext_noop("The log of %(name)s is not read completely"),
        gettext_noop("%(error)s"),
        gettext_noop("What was read is stored. If no message says that it was read completely, check the network of the terminal."),
    ),
    "quarantined": (
        gettext_noop("Records of %(name)s cannot be read"),
        gettext_noop("Records in quarantine to review: %(records)s. Their punches are not stored."),
        gettext_noop("Review them under Quarantine, or choose the record layout of the terminal."),
    ),
    "left_disabled": (
        gettext_noop("People may be unable to punch at %(name)s"),
        gettext_noop("The terminal could not be enabled after it was read."),
        gettext_noop("Try to punch. If the terminal accepts no punches, restart it."),
    ),
    "pending": (
        gettext_noop("The terminal %(name)s is pending"),
        gettext_noop("An unknown terminal pushes from %(address)s. It is refused, and keeps its records."),
        gettext_noop("Accept it, or ignore it."),
    ),
}
"""By the kind of an alert: the subject, what is wrong, and what to do."""
ENDED: Mapping[str, tuple[str, str]] = {
    "silent": (gettext_noop("%(name)s answers again"), gettext_noop("The terminal answers or pushes again.")),
    "nearly_full": (gettext_noop("The memory of %(name)s has room again"), gettext_noop("The terminal has room for records again.")),
    "drift": (gettext_noop("The clock of %(name)s is right again"), gettext_noop("The clock of the terminal is right again.")),
    "replaced": (
        gettext_noop("Punches of %(name)s are stored again"),
        gettext_noop("The replacement was accepted, or the former terminal answers again."),
    ),
    "serial_taken": (
        gettext_noop("%(name)s has a serial number of its own again"),
        gettext_noop("No other terminal has the serial number that answers at its address."),
    ),
    "incomplete": (gettext_noop("The log of %(name)s was read completely"), gettext_noop("All of its punches are stored.")),
    "quarantined": (gettext_noop("Quarantined records of %(name)s were reviewed"), gettext_noop("All of them were reviewed.")),
    "unknown_size": (gettext_noop("The records of %(name)s are read again"), gettext_noop("Its punches are stored again.")),
    "left_disabled": (gettext_noop("%(name)s was enabled after it was read"), gettext_noop("The terminal accepts punches again.")),
    "pending": (gettext_noop("The terminal %(name)s is not pending now"), gettext_noop("It was accepted or ignored.")),
}
"""By the kind of an alert that has ended: the subject, and what has changed."""


@dataclass(frozen=True)
class OpenAlert:
    """In sentences. `page` is where something can be done about it."""

    alert: TerminalAlert
    subject: str
    problem: str
    advice: str
    page: str


def open_alerts(session: Session) -> list[OpenAlert]:
    """Those about which a message was written, the newest first."""
    is_open = (TerminalAlert.ended_at.is_(None), TerminalAlert.sent_at.is_not(None))
    query = select(TerminalAlert, Terminal).outerjoin(Terminal, Terminal.id == TerminalAlert.terminal_id).where(*is_open)
    found = session.execute(query.order_by(TerminalAlert.id.desc()))
    return [OpenAlert(alert, **values_of(alert, terminal)) for alert, terminal in found]


def values_of(alert: TerminalAlert, terminal: Terminal | None) -> dict[str, str]:
    """What the message about an alert says, in sentences."""
    name = terminal.name if terminal is not None else alert.serial_number or ""
    page = f"/terminals/{terminal.id}" if terminal is not None else "/terminals/pending"
    if alert.ended_at is None:
        subject, problem, advice = BEGAN[alert.kind]
    elif terminal is not None and not terminal.enabled:
        subject, problem, advice = (
            gettext_noop("%(name)s was disabled"),
            gettext_noop("The terminal was disabled, which ends its alerts."),
            "",
        )
    else:
        (subject, problem), advice = ENDED[alert.kind], ""
    counts = {key: f"{value:,}" for key, value in alert.detail.items() if isinstance(value, int) and key != "seconds"}
    said = {**alert.detail, **counts, "name": name}
    if alert.kind == "drift":
        seconds = int(alert.detail["seconds"])
        said |= {"seconds": abs(seconds), "direction": _("fast") if seconds > 0 else _("slow")}
    sentences = {"subject": _(subject, **said), "problem": _(problem, **said).strip()}
    return {**sentences, "advice": _(advice) if advice else "", "page": page}
