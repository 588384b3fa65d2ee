"""The first page of cable tickets: figures, each of which is a link to its tickets, and charts."""

from datetime import UTC, datetime

from flask import Blueprint, render_template

from request_tracker_utils.cable_tickets import dashboard
from request_tracker_utils.cable_tickets.charts import column_chart
from request_tracker_utils.cable_tickets.dashboard import AGES, TIMES_OF_DAYS, Figures
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.cable_tickets.triggers import BOUNDS
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.web.auth import current_actor, require

LABEL_EVERY = 3
"""Weeks between two labels below the columns."""
LATE = AGES.index(7) + 1
"""Classes of age from this one on are pointed out."""

pages = Blueprint("cable_dashboard", __name__, url_prefix="/tickets")


@pages.get("")
@require(TicketPermission.READ)
def show() -> str:
    """The figures of cable tickets."""
    with reading() as session:
        figures = dashboard.figures(session, user_id=current_actor().user_id, now=utc_now())
        ages = _ages(figures)
        weeks = [_date(week.day) for week in figures.weeks]
        return render_template(
            "cable_tickets/dashboard.html",
            figures=figures,
            late=sum(figures.waiting["pending_approval"][LATE:]),
            late_work=sum(sum(figures.waiting[status][LATE:]) for status in ("approved", "in_progress")),
            ages=ages,
            most_waiting=max(asked + approved for _name, asked, approved in ages),
            chart=column_chart(
                [week[5:] for week in weeks],
                [week.approved for week in figures.weeks],
                [week.fulfilled for week in figures.weeks],
                label_every=LABEL_EVERY,
            ),
            weeks=list(zip(weeks, figures.weeks, strict=True)),
            times=[(_("Request to approval"), figures.approval), (_("Approval to fulfillment"), figures.fulfillment)],
            classes={bound: _up_to(bound) for bound in (*BOUNDS, None)},
            days=TIMES_OF_DAYS,
            duration=duration,
            longest=max((*figures.approval.classes.values(), *figures.fulfillment.classes.values()), default=0),
        )


def duration(minutes: int | None) -> str:
    """Rounded to what matters: `12 min`, `3 h`, `2.5 days`."""
    if minutes is None:
        return "–"
    if minutes < 60:
        return _("%(count)s min", count=minutes)
    if minutes < 48 * 60:
        return _("%(count)s h", count=_rounded(minutes / 60))
    days = _rounded(minutes / 60 / 24)
    return _("%(count)s days", count=days)


def _rounded(number: float) -> str:
    """With one decimal below ten, unless it is 0."""
    return f"{number:.1f}".removesuffix(".0") if number < 10 else str(round(number))


def _up_to(bound: int | None) -> str:
    return _("longer") if bound is None else _("up to %(time)s", time=duration(bound))


def _ages(figures: Figures) -> list[tuple[str, int, int]]:
    """Each class of age with what waits for approval, and for fulfillment."""
    bounds = [0, *AGES]
    names = []
    for number, first in enumerate(bounds):
        last = bounds[number + 1] - 1 if number + 1 < len(bounds) else None
        if last is None:
            names.append(_("%(days)s days or more", days=first))
        elif first == 0:
            names.append(_("Today"))
        elif first == last:
            names.append(ngettext("%(num)s day", "%(num)s days", first))
        else:
            names.append(_("%(first)s to %(last)s days", first=first, last=last))
    waiting = figures.waiting
    return [
        (name, waiting["pending_approval"][number], waiting["approved"][number] + waiting["in_progress"][number])
        for number, name in enumerate(names)
    ]


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()
