"""Approval links: what a message leads to, as a page for browsers and as JSON for programs, under `/api/tickets` and `/tickets`.

GET and HEAD change nothing, since programs that scan mail open links before people do; POST decides. The token is the proof: cookies and
the Authorization header are ignored, so that nobody decides as another person who is signed in on the same browser.
"""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Response, g, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field

from request_tracker_utils.cable_tickets import approvals
from request_tracker_utils.cable_tickets.approval_links import Decision, Link, find
from request_tracker_utils.cable_tickets.current import change, link_keys, link_lifetime
from request_tracker_utils.cable_tickets.errors import InvalidTicketField, LinkClosed, NotYourStep, UnknownLink
from request_tracker_utils.cable_tickets.fields import MAX_REASON
from request_tracker_utils.cable_tickets.form_choices import REJECTION_REASONS
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, NotFound
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import public
from request_tracker_utils.web.error_responses import accepts_page, may_raise
from request_tracker_utils.web.registry import registry, settings

MAX_BODY = 64 * 1024
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
"""The address contains the token: it is neither stored by caches nor sent to other sites."""
_PREVIEWS = {"Purpose", "X-Purpose", "Sec-Purpose", "X-Moz"}
"""Headers by which browsers say that they open a link before anybody has followed it."""


def _prepare() -> None:
    """Before anything else: nobody is signed in on these pages, and bodies are small."""
    g.actor = None
    request.max_content_length = MAX_BODY


_OPEN = public("the link contains a token for one approver and one ticket", csrf=False, before_body=_prepare)

pages = Blueprint("approval_pages", __name__)
api = APIBlueprint(
    "approval_links",
    __name__,
    abp_security=[],
    abp_tags=[
        Tag(name="approval links", description="Where messages about cable tickets lead. A token is of one approver, and works once.")
    ],
)


class LinkPath(BaseModel):
    ticket_id: int = Field(description="The ticket’s ID.", json_schema_extra={"example": 12})
    token: str = Field(description="From the link in a message.", json_schema_extra={"example": "AAABc3BlY2ltZW5vZmF0b2tlbjEy"})


class ApprovalItem(BaseModel):
    cable_type: str = Field(examples=["Cat6"])
    cable_length: str = Field(examples=["100 ft"])
    cable_gauge: str = Field(examples=["23AWG"])
    quantity: int = Field(examples=[2])


class ApprovalOut(BaseModel):
    """The ticket as its approver sees it."""

    ticket_id: int = Field(examples=[12])
    status: str = Field(examples=["pending_approval"])
    created_by: str = Field(examples=["ada"])
    approver: str = Field(examples=["grace"], description="The approver that the link was sent to: `B for A` for a substitute.")
    items: list[ApprovalItem]
    location: str = Field(examples=["Building A"])
    notes: str = Field(examples=[""])
    priority: str = Field(examples=["medium"])
    needed_by: str | None = Field(examples=["2026-03-06"])
    decided_by: str | None = Field(examples=[None])
    decided_at: str | None = Field(examples=[None])
    rejection_reason: str | None = Field(examples=[None])

    @classmethod
    def of(cls, link: Link) -> dict[str, Any]:
        ticket = link.ticket
        return cls(
            ticket_id=ticket.id,
            status=ticket.status,
            created_by=ticket.created_by,
            approver=link.name,
            items=[ApprovalItem.model_validate(item, from_attributes=True) for item in ticket.items],
            location=ticket.location,
            notes=ticket.notes,
            priority=ticket.priority,
            needed_by=ticket.needed_by.isoformat() if ticket.needed_by else None,
            decided_by=ticket.decided_by,
            decided_at=ticket.decided_at.isoformat() if ticket.decided_at else None,
            rejection_reason=ticket.rejection_reason,
        ).model_dump()


class DecidedOut(BaseModel):
    message: str = Field(examples=["Ticket 12 was approved."])
    ticket: ApprovalOut


@api.get("/api/tickets/<int:ticket_id>/approve/<token>", responses={200: ApprovalOut})
@_OPEN
@may_raise(NotFound, UnknownLink, LinkClosed)
def show_to_approve(path: LinkPath) -> Response:
    """Show what the link would approve.

    Changes nothing, and answers with a page if `Accept` names HTML. With APPROVE_BY_GET, a GET approves, unless the client only previews
    the address.
    """
    return _show(path.ticket_id, path.token, Decision.APPROVE)


@api.get("/api/tickets/<int:ticket_id>/reject/<token>", responses={200: ApprovalOut})
@_OPEN
@may_raise(NotFound, UnknownLink, LinkClosed)
def show_to_reject(path: LinkPath) -> Response:
    """Show what the link would reject.

    Changes nothing, and answers with a page if `Accept` names HTML.
    """
    return _show(path.ticket_id, path.token, Decision.REJECT)


@api.post("/api/tickets/<int:ticket_id>/approve/<token>", responses={200: DecidedOut})
@_OPEN
@may_raise(NotFound, UnknownLink, LinkClosed, NotYourStep)
def approve(path: LinkPath) -> Response:
    """Approve the ticket as the approver of the link.

    Works once. Later calls get 410 with the decision, the approver and the time.
    """
    return _decide(path.ticket_id, path.token, Decision.APPROVE)


@api.post("/api/tickets/<int:ticket_id>/reject/<token>", responses={200: DecidedOut})
@_OPEN
@may_raise(NotFound, UnknownLink, LinkClosed, NotYourStep, InvalidTicketField)
def reject(path: LinkPath) -> Response:
    """Reject the ticket as the approver of the link.

    The body is a form or a JSON object with `reason`, 1 to 1,000 characters.
    """
    return _decide(path.ticket_id, path.token, Decision.REJECT)


@pages.get("/tickets/<int:ticket_id>/approve/<token>")
@_OPEN
def show_to_approve_page(ticket_id: int, token: str) -> ResponseReturnValue:
    """The same as the address under /api."""
    return _show(ticket_id, token, Decision.APPROVE)


@pages.get("/tickets/<int:ticket_id>/reject/<token>")
@_OPEN
def show_to_reject_page(ticket_id: int, token: str) -> ResponseReturnValue:
    """The same as the address under /api."""
    return _show(ticket_id, token, Decision.REJECT)


@pages.post("/tickets/<int:ticket_id>/approve/<token>")
@_OPEN
def approve_page(ticket_id: int, token: str) -> ResponseReturnValue:
    """The same as the address under /api."""
    return _decide(ticket_id, token, Decision.APPROVE)


@pages.post("/tickets/<int:ticket_id>/reject/<token>")
@_OPEN
def reject_page(ticket_id: int, token: str) -> ResponseReturnValue:
    """The same as the address under /api."""
    return _decide(ticket_id, token, Decision.REJECT)


def _show(ticket_id: int, token: str, decision: Decision) -> Response:
    if decision is Decision.APPROVE and settings().approve_by_get and request.method == "GET" and not _is_preview():
        return _decide(ticket_id, token, decision)
    return _answer(ticket_id, token, decision)


def _decide(ticket_id: int, token: str, decision: Decision) -> Response:
    reason = _given_reason() if decision is Decision.REJECT else ""
    try:
        with reading() as session:
            actor = approvals.actor_of(find(session, ticket_id, token, link_keys), registry().grants)
        with transaction() as session:
            by = change(session, actor=actor)
            link = approvals.decide(by, ticket_id, token, decision, reason=reason, keys=link_keys, lifetime=link_lifetime())
            link.ticket.items  # noqa: B018 — loaded before the session ends
    except InvalidTicketField as error:
        if not accepts_page():
            raise
        return _answer(ticket_id, token, decision, invalid=error, typed=reason)
    except AppError as error:
        return _refusal(error)
    message = _done(link, decision)
    if accepts_page():
        return _page(link=link, decision=decision, done=message)
    return _private(jsonify(DecidedOut(message=message, ticket=ApprovalOut.model_validate(ApprovalOut.of(link))).model_dump()))


def _answer(ticket_id: int, token: str, decision: Decision, *, invalid: InvalidTicketField | None = None, typed: str = "") -> Response:
    with reading() as session:
        try:
            link = find(session, ticket_id, token, link_keys)
            approvals.require_open(link, change(session, actor=approvals.actor_of(link, registry().grants)), link_lifetime())
        except AppError as error:
            return _refusal(error)
        if accepts_page():
            return _page(400 if invalid else 200, link=link, decision=decision, problem=invalid.message if invalid else "", typed=typed)
        return _private(jsonify(ApprovalOut.of(link)))


def _refusal(error: AppError) -> Response:
    if accepts_page():
        return _page(error.status, refused=error)
    response = jsonify({"error": error.message, "code": error.code, **error.fields})
    response.status_code = error.status
    return _private(response)


def _page(status: int = 200, **values: Any) -> Response:
    """Without what belongs to the person who is signed in on this browser, such as messages of their other pages."""
    nothing: Callable[..., Sequence[str]] = lambda **_options: ()  # noqa: E731
    context = {"quick_reasons": REJECTION_REASONS, "max_reason": MAX_REASON, "get_flashed_messages": nothing, **values}
    return _private(make_response(render_template("cable_tickets/approval.html", **context), status))


def _private(response: Response) -> Response:
    response.headers.update(PRIVATE)
    response.vary.add("Accept")
    return response


def _done(link: Link, decision: Decision) -> str:
    if decision is Decision.APPROVE:
        return _("Ticket %(id)s was approved.", id=link.ticket.id)
    return _("Ticket %(id)s was rejected.", id=link.ticket.id)


def _given_reason() -> str:
    """From a form, where a quick reason is a button, or from JSON. Raises Invalid, InvalidTicketField."""
    if not request.is_json:
        return request.form.get("reason", "").strip() or request.form.get("quick", "")
    reason = request.get_json().get("reason", "") if request.get_data() else ""
    if not isinstance(reason, str):
        raise InvalidTicketField(_("Send the reason as text."), field="reason")
    return reason


def _is_preview() -> bool:
    return any(word in request.headers.get(name, "").lower() for name in _PREVIEWS for word in ("prefetch", "preview", "prerender"))
