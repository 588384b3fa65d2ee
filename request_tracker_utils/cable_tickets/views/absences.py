"""*Absence*: dates on which a person is away, and the substitute who decides their requests."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.accounts import login_events, service as accounts
from request_tracker_utils.accounts.current import authentication
from request_tracker_utils.accounts.models import LoginKind
from request_tracker_utils.cable_tickets import absences
from request_tracker_utils.cable_tickets.current import change
from request_tracker_utils.cable_tickets.errors import InvalidTicketField
from request_tracker_utils.cable_tickets.messages import notify_substitute
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Forbidden
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import current_actor, require

pages = Blueprint("my_absences", __name__, url_prefix="/me/absences")


@pages.get("")
@require(TicketPermission.READ)
def show() -> str:
    """The caller's absences, and those in which they represent others."""
    return _page()


@pages.post("")
@require(TicketPermission.READ, by_token=False)
def plan() -> ResponseReturnValue:
    """Stores an absence with a substitute."""
    sent = {name: request.form.get(name, "") for name in ("from_date", "until_date", "substitute_id")}
    chosen = sent["substitute_id"]
    substitute = int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 10 else None
    try:
        with transaction() as session:
            me = accounts.user_by_id(session, _my_id())
            by = change(session)
            begin, end, today = sent["from_date"], sent["until_date"], by.today
            planned = absences.plan(session, me.id, substitute_id=substitute, begin=begin, end=end, today=today)
            notify_substitute(by, planned)
            name = accounts.user_by_id(session, planned.substitute_id).name
            detail = f"{name} decides from {planned.from_date.isoformat()} to {planned.until_date.isoformat()}"
            login_events.record(session, LoginKind.CHANGED, authentication.origin(), user=me, detail=detail, now=utc_now())
    except InvalidTicketField as error:
        return _page(sent=sent, problem=error), 400
    flash(_("Your absence was saved. %(name)s decides for you and gets your approval requests.", name=name), "success")
    return redirect(url_for(".show"), 303)


@pages.post("/<int:absence_id>/end")
@require(TicketPermission.READ, by_token=False)
def end(absence_id: int) -> ResponseReturnValue:
    """Ends an absence, or deletes one that has not begun."""
    with transaction() as session:
        me = accounts.user_by_id(session, _my_id())
        absences.end(session, me.id, absence_id, today=change(session).today)
        login_events.record(session, LoginKind.CHANGED, authentication.origin(), user=me, detail="absence ended", now=utc_now())
    flash(_("Your absence has ended. New requests only go to you."), "success")
    return redirect(url_for(".show"), 303)


def _page(*, sent: dict[str, str] | None = None, problem: InvalidTicketField | None = None) -> str:
    with reading() as session:
        me, today = _my_id(), change(session).today
        return render_template(
            "cable_tickets/absences.html",
            today=today.isoformat(),
            own=absences.absences_of(session, me, today=today),
            represented=absences.represented(session, me, today=today),
            colleagues=absences.possible_substitutes(session, me),
            sent=sent or {},
            problem=problem.message if problem else "",
            wrong=problem.fields.get("field") if problem else "",
        )


def _my_id() -> int:
    """Raises Forbidden for callers who are known through Request Tracker only."""
    user_id = current_actor().user_id
    if user_id is None:
        raise Forbidden(_("You have an account in Request Tracker only. Ask your administrator for an account in this program."))
    return user_id
