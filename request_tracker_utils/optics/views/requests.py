"""Requesting optics, one's own requests, and deciding those of everybody."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.inventory.forms import Errors, new_key, sent_key
from request_tracker_utils.optics import parts, service
from request_tracker_utils.optics.current import change
from request_tracker_utils.optics.errors import InvalidOpticsField, OpticsStepNotOpen
from request_tracker_utils.optics.models import OTHER, OpticsStatus
from request_tracker_utils.optics.permissions import OpticsPermission
from request_tracker_utils.optics.service import NewRequest, OpticsAction
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.paging import row_id

PAGE_SIZE = 50
LONGEST_SENT = 4_000
"""Characters of a field that are shown again beside its error."""
ALL = "all"
FILTERS = {
    OpticsStatus.PENDING: gettext_noop("Pending"),
    OpticsStatus.APPROVED: gettext_noop("Approved"),
    OpticsStatus.DENIED: gettext_noop("Denied"),
    OpticsStatus.ARCHIVED: gettext_noop("Archived"),
    ALL: gettext_noop("All"),
}

pages = Blueprint("optics", __name__, url_prefix="/optics")


@pages.get("")
@require(OpticsPermission.REQUEST)
def form() -> str:
    """The form of a request, and one's own requests."""
    return _form_page(NewRequest(quantity="1", requester_name=current_actor().name), key=new_key())


@pages.post("")
@require(OpticsPermission.REQUEST)
def create() -> ResponseReturnValue:
    """Submits a request. The same form sent twice is one request."""
    sent = {name: request.form.get(name, "")[:LONGEST_SENT] for name in ("selected_part", "other_part", "quantity", "requester_name")}
    key, entered = sent_key(request.form), NewRequest(**sent)
    try:
        with transaction() as session:
            created, repeated = service.create(session, entered, request_key=key, **change())
            what = {"quantity": f"{created.quantity:,}", "part": created.part}
    except InvalidOpticsField as error:
        return _form_page(entered, key=key, errors=error.fields["errors"]), error.status
    except Conflict as error:
        return _form_page(entered, key=new_key(), error=error.message), error.status
    if repeated:
        flash(_("This request was already submitted: %(quantity)s × %(part)s.", **what), "success")
    else:
        flash(_("Requested: %(quantity)s × %(part)s.", **what), "success")
    return redirect(url_for(".form"), 303)


@pages.get("/requests")
@require(OpticsPermission.DECIDE)
def listed() -> str:
    """Requests of everybody by status, newest first."""
    return _list_page()


@pages.get("/requests/<int:request_id>")
@require(OpticsPermission.REQUEST)
def show(request_id: int) -> str:
    """One request, for its requester and administrators."""
    return _request_page(request_id)


@pages.post("/requests/<int:request_id>/status")
@require(OpticsPermission.DECIDE)
def decide(request_id: int) -> ResponseReturnValue:
    """Approves, denies or archives a request, and returns to the page with the button: the request, or the list that `listed` names."""
    action, note = request.form.get("action", ""), request.form.get("admin_note", "")
    back = request.form.get("listed", "")
    try:
        step = OpticsAction(action)
    except ValueError:
        step = None
    try:
        if step is None:
            raise InvalidOpticsField(_("Choose Approve, Deny or Archive."), field="action")
        with transaction() as session:
            decided = service.decide(session, request_id, step, note=note, **change())
        said = {
            OpticsAction.APPROVE: _("The request of %(name)s was approved.", name=decided.requester_name),
            OpticsAction.DENY: _("The request of %(name)s was denied.", name=decided.requester_name),
            OpticsAction.ARCHIVE: _("The request of %(name)s was archived.", name=decided.requester_name),
        }
        flash(said[step], "success")
    except InvalidOpticsField as error:
        return _request_page(request_id, note=note[:LONGEST_SENT], error=error.message), error.status
    except OpticsStepNotOpen as error:
        flash(error.message, "danger")
    if back in FILTERS:
        return redirect(url_for(".listed", status=back), 303)
    return redirect(url_for(".show", request_id=request_id), 303)


def _form_page(entered: NewRequest, *, key: str, errors: Errors | None = None, error: str = "") -> str:
    before = request.args.get("before", type=row_id)
    with reading() as session:
        names = parts.part_names(session)
        found = service.list_requests(session, viewer=current_actor(), only_own=True, limit=PAGE_SIZE + 1, before_id=before)
    return render_template(
        "optics/request-form.html",
        sent=asdict(entered),
        errors=errors or {},
        error=error,
        parts_=names,
        other=OTHER,
        request_key=key,
        **_page_of(found, before),
    )


def _list_page() -> str:
    chosen = request.args.get("status", "")
    status = chosen if chosen in FILTERS else OpticsStatus.PENDING
    before = request.args.get("before", type=row_id)
    with reading() as session:
        wanted = "" if status == ALL else status
        found = service.list_requests(session, viewer=current_actor(), status=wanted, limit=PAGE_SIZE + 1, before_id=before)
    return render_template("optics/requests.html", filters=FILTERS, status=status, **_page_of(found, before))


def _request_page(request_id: int, *, note: str = "", error: str = "") -> str:
    with reading() as session:
        found = service.get_request(session, request_id, viewer=current_actor())
    return render_template("optics/request.html", request_=found, steps=service.open_steps(found), note=note, error=error)


def _page_of(found: Any, before: int | None) -> dict[str, Any]:
    """For `PAGE_SIZE` + 1 rows: those of the page, with their open steps, and whether there are older ones."""
    shown = [(each, service.open_steps(each)) for each in found[:PAGE_SIZE]]
    return {"found": shown, "more": len(found) > PAGE_SIZE, "before": before}
