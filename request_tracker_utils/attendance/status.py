"""States of the terminals, for the home page and the status page. Counts no punches."""

from collections import Counter
from collections.abc import Mapping

from request_tracker_utils.attendance.alert_messages import open_alerts
from request_tracker_utils.attendance.current import limits
from request_tracker_utils.attendance.push import pending
from request_tracker_utils.attendance.terminal_states import URGENT, TerminalRow, TerminalState, terminal_rows
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.translation import gettext_noop, ngettext
from request_tracker_utils.web.feature import SectionContent, StatusSection

NAMED = 5
"""Terminals that a problem names."""


def card() -> Mapping[str, object]:
    """The numbers on the home page."""
    rows, waiting = _found()
    states = Counter(row.state for row in rows)
    return {"enabled": len(rows) - states[TerminalState.DISABLED], "urgent": sum(states[state] for state in URGENT), "pending": waiting}


def content() -> SectionContent:
    """The section of the status page: how many terminals are in each state, and which do not deliver punches."""
    rows, waiting = _found()
    states = Counter(row.state for row in rows)
    urgent = [row.terminal.name for row in rows if row.state in URGENT]
    problems = []
    if urgent:
        names = ", ".join(urgent[:NAMED]) + (", …" if len(urgent) > NAMED else "")
        one, more = "%(num)s terminal delivers no punches: %(names)s.", "%(num)s terminals deliver no punches: %(names)s."
        problems.append(ngettext(one, more, len(urgent), names=names))
    if waiting:
        problems.append(ngettext("%(num)s terminal is pending.", "%(num)s terminals are pending.", waiting))
    with reading() as session:
        alerts = open_alerts(session)
    return SectionContent({"states": [(state, states[state]) for state in TerminalState if states[state]], "alerts": alerts}, problems)


def _found() -> tuple[list[TerminalRow], int]:
    with reading() as session:
        waiting = sum(each.ignored_at is None for each in pending.all_pending(session))
        return terminal_rows(session, utc_now(), limits()), waiting


sections = [StatusSection(gettext_noop("Terminals"), "attendance/status.html", content, order=65)]
