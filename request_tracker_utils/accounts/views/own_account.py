"""The page *Your account*: password, sessions, tokens."""

from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from request_tracker_utils.accounts import login_events, service, sessions, tokens
from request_tracker_utils.accounts.current import authentication
from request_tracker_utils.accounts.forms import NewTokenForm, OwnPasswordForm
from request_tracker_utils.accounts.models import LoginKind
from request_tracker_utils.accounts.throttling import TooManyAttempts
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict, Forbidden, Invalid
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.web.auth import current_actor, signed_in, signed_in_by_browser
from request_tracker_utils.web.error_responses import add_error

pages = Blueprint("me", __name__, url_prefix="/me")


@pages.get("")
@signed_in
def me() -> str:
    """Password, sessions, tokens and recent activity of the caller."""
    return _page()


@pages.post("/password")
@signed_in_by_browser
def change_password() -> ResponseReturnValue:
    """Changes the caller's password and ends their other sessions."""
    form, me, status = OwnPasswordForm(), _my_id(), 400
    if form.validate_on_submit():
        try:
            authentication.verify_password(current_actor().name, form.current.data, detail="to change the password")
            with transaction() as session:
                user = service.user_by_id(session, me)
                given = {"keep_session": authentication.session_key(), "revoke_tokens": form.revoke_tokens.data}
                service.set_password(session, user, form.password.data, origin=authentication.origin(), now=utc_now(), **given)
            flash(_("Your password was changed. Your other browsers were signed out."), "success")
            return redirect(url_for(".me"), 303)
        except service.WrongCredentials:
            form.current.errors = [_("This is not your current password.")]
        except TooManyAttempts as error:
            form.current.errors, status = [error.message], error.status
        except Invalid as error:
            add_error(form, error)
    return _page(password_form=form), status


@pages.post("/sessions/<int:session_id>/end")
@signed_in_by_browser
def end_session(session_id: int) -> ResponseReturnValue:
    """Signs one browser out."""
    with transaction() as session:
        sessions.end_one(session, _my_id(), session_id, now=utc_now())
    flash(_("The browser was signed out."), "success")
    return redirect(url_for(".me", _anchor="sessions"), 303)


@pages.post("/sessions/end")
@signed_in_by_browser
def end_sessions() -> ResponseReturnValue:
    """Signs out everywhere else."""
    with transaction() as session:
        count = sessions.end_all(session, _my_id(), now=utc_now(), but=authentication.session_key())
    flash(ngettext("One other browser was signed out.", "%(num)s other browsers were signed out.", count), "success")
    return redirect(url_for(".me", _anchor="sessions"), 303)


@pages.post("/tokens")
@signed_in_by_browser
def create_token() -> ResponseReturnValue:
    """Creates a token and shows it once."""
    form = NewTokenForm()
    if not form.validate_on_submit():
        return _page(token_form=form), 400
    now = utc_now()
    expires_at = now + timedelta(days=int(form.expires.data)) if form.expires.data else None
    try:
        with transaction() as session:
            user = service.user_by_id(session, _my_id())
            text = tokens.create(session, user, label=form.label.data, expires_at=expires_at, now=now)
            detail = f"token “{form.label.data.strip()}” created"
            login_events.record(session, LoginKind.CHANGED, authentication.origin(), user=user, detail=detail, now=now)
    except Conflict as error:
        add_error(form, error)
        return _page(token_form=form), error.status
    return _page(new_token=text)


@pages.post("/tokens/<int:token_id>/revoke")
@signed_in_by_browser
def revoke_token(token_id: int) -> ResponseReturnValue:
    """Revokes one token."""
    now = utc_now()
    with transaction() as session:
        token = tokens.revoke(session, _my_id(), token_id, now=now)
        user = service.user_by_id(session, _my_id())
        login_events.record(
            session, LoginKind.CHANGED, authentication.origin(), user=user, detail=f"token “{token.label}” revoked", now=now
        )
    flash(_("The token “%(label)s” was revoked.", label=token.label), "success")
    return redirect(url_for(".me", _anchor="tokens"), 303)


def _page(*, password_form: FlaskForm | None = None, token_form: FlaskForm | None = None, new_token: str | None = None) -> str:
    me, now = _my_id(), utc_now()
    with reading() as session:
        return render_template(
            "accounts/me.html",
            user=service.user_by_id(session, me),
            sessions=authentication.open_sessions(session, me, now=now),
            tokens=tokens.valid_tokens(session, me, now=now),
            events=login_events.records.newest(session, login_events.Filter(user_id=me), limit=20),
            password_form=password_form or OwnPasswordForm(formdata=None),
            token_form=token_form or NewTokenForm(formdata=None),
            new_token=new_token,
        )


def _my_id() -> int:
    """Raises Forbidden for callers who are known through Request Tracker only."""
    user_id = current_actor().user_id
    if user_id is None:
        raise Forbidden(_("You have an account in Request Tracker only. Ask your administrator for an account in this program."))
    return user_id
