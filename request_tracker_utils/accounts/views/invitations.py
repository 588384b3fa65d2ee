"""Invitations: one-time links with which people create their own account."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.accounts import links, login_events, registration
from request_tracker_utils.accounts.current import authentication, messages
from request_tracker_utils.accounts.forms import InvitationForm
from request_tracker_utils.accounts.models import LoginKind
from request_tracker_utils.accounts.permissions import AccountPermission
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import add_error
from request_tracker_utils.web.registry import registry, settings

pages = Blueprint("invitations", __name__, url_prefix="/admin/people/invitations")


@pages.get("")
@require(AccountPermission.READ)
def invitations() -> str:
    """Open invitations, and a form for a new one."""
    return _page(InvitationForm(formdata=None))


@pages.post("")
@require(AccountPermission.MANAGE, by_token=False)
def invite() -> ResponseReturnValue:
    """Creates an invitation; sends it by email, or shows its link once."""
    form, by_email = InvitationForm(), request.form.get("send") == "email"
    if not form.validate_on_submit():
        return _page(form), 400
    actor, now = current_actor(), utc_now()
    try:
        registration.check_open(settings().registration, invited=True)
        with transaction() as session:
            given = {"role": form.role.data, "email": (form.email.data or "").strip()}
            link, key = links.invite(session, **given, created_by=actor.name, keys=messages.keys, now=now)
            if by_email:
                messages.send_invitation(session, link, actor=actor)
            detail = f"invitation with the role {link.role} by {actor.name}"
            login_events.record(session, LoginKind.CHANGED, authentication.origin(), name=actor.name, detail=detail, now=now)
    except AppError as error:
        add_error(form, error)
        return _page(form), error.status
    if by_email:
        flash(_("The invitation is on its way to %(email)s.", email=link.email), "success")
        return redirect(url_for(".invitations"), 303)
    return _page(InvitationForm(formdata=None), link=messages.invitation_address(key))


@pages.post("/<int:link_id>/revoke")
@require(AccountPermission.MANAGE, by_token=False)
def revoke(link_id: int) -> ResponseReturnValue:
    """Revokes an invitation."""
    actor = current_actor()
    with transaction() as session:
        links.revoke_invitation(session, link_id, now=utc_now())
        detail = f"invitation revoked by {actor.name}"
        login_events.record(session, LoginKind.CHANGED, authentication.origin(), name=actor.name, detail=detail, now=utc_now())
    flash(_("The invitation was revoked."), "success")
    return redirect(url_for(".invitations"), 303)


def _page(form: InvitationForm, *, link: str | None = None) -> str:
    with reading() as session:
        found = links.open_invitations(session, now=utc_now())
    record_list("invitations", len(found))
    can_send = registry().find(Messenger) is not None
    return render_template("accounts/invitations.html", form=form, invitations=found, link=link, can_send=can_send)
