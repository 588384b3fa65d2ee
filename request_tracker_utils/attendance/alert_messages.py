"""What messages about terminals say."""

from collections.abc import Mapping

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
        gettext_noop("It has %(records)s records of at most %(capacity)s (%(percent)s %%)."),
        gettext_noop("Check that everything is stored, then clear the log on the terminal. A full terminal may record no more punches."),
    ),
    "drift": (
        gettext_noop("The clock of %(name)s is wrong"),
        gettext_noop("It is %(seconds)s seconds %(direction)s."),
        gettext_noop("Set the clock of the terminal. Times of punches that it has recorded can be repaired."),
    ),
    "replaced": (
        gettext_noop("%(name)s was replaced"),
        gettext_noop("The terminal had the serial number %(number)s. Now %(reported)s answers at its address."),
        gettext_noop("Its punches are not stored until somebody accepts the replacement."),
    ),
    "unknown_size": (
        gettext_noop("The records of %(name)s have an unknown size"),
        gettext_noop("The log is kept as it came, but its punches are not stored."),
        gettext_noop("Choose the layout of its records."),
    ),
    "left_disabled": (
        gettext_noop("People may be unable to punch at %(name)s"),
        gettext_noop("The terminal could not be enabled after it was read."),
        gettext_noop("Try it, and restart it if it accepts no punches."),
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
    "unknown_size": (gettext_noop("The records of %(name)s are read again"), gettext_noop("Its punches are stored again.")),
    "left_disabled": (gettext_noop("%(name)s was enabled after it was read"), gettext_noop("The terminal accepts punches again.")),
    "pending": (gettext_noop("The terminal %(name)s is not pending any more"), gettext_noop("Somebody has accepted or ignored it.")),
}
"""The same when it has ended."""


def values_of(alert: TerminalAlert, terminal: Terminal | None) -> dict[str, str | int]:
    """What the message about an alert says, in sentences."""
    name = terminal.name if terminal is not None else alert.serial_number or ""
    page = "/terminals" if terminal is not None else "/terminals/pending"
    if alert.ended_at is None:
        subject, problem, advice = BEGAN[alert.kind]
    elif terminal is not None and not terminal.enabled:
        subject, problem, advice = gettext_noop("%(name)s was disabled"), gettext_noop("Somebody has disabled the terminal."), ""
    else:
        (subject, problem), advice = ENDED[alert.kind], ""
    said = {**alert.detail, "name": name}
    if alert.kind == "drift":
        seconds = int(alert.detail["seconds"])
        said |= {"seconds": abs(seconds), "direction": _("fast") if seconds > 0 else _("slow")}
    sentences = {"subject": _(subject, **said), "problem": _(problem, **said).strip()}
    return {**sentences, "advice": _(advice) if advice else "", "page": page}
