"""What somebody sees and changes of their own account."""

from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from request_tracker_utils.accounts import events, service, sessions, tokens
from request_tracker_utils.accounts.forms import NewTokenForm, OwnPasswordForm
from request_tracker_utils.accounts.guessing import TooManyAttempts
from request_tracker_utils.accounts.models import LoginKind
from request_tracker_utils.accounts.views import authentication
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict, Forbidden, Invalid
from request_tracker_utils.web.auth import current_actor, signed_in, signed_in_by_browser
from request_tracker_utils.web.forms import show_problem

pages = Blueprint("me", __name__, url_prefix="/me")


@pages.get("")
@signed_in
def me() -> str:
    """Password, sessions, tokens and recent sign-ins of whoever asks."""
    return _page()


@pages.post("/password")
@signed_in_by_browser
def change_password() -> ResponseReturnValue:
    """Changes one's own password; other sessions end."""
    form, me, status = OwnPasswordForm(), _my_id(), 400
    if form.validate_on_submit():
        try:
            authentication.prove(current_actor().name, form.current.data, detail="again, to change the password")
            with transaction() as session:
                user = service.user_by_id(session, me)
                given = {"keep_session": authentication.session_key(), "revoke_tokens": form.revoke_tokens.data}
                service.set_password(session, user, form.password.data, origin=authentication.origin(), now=utc_now(), **given)
            flash("Your new password holds from now on. Other browsers are signed out.", "success")
            return redirect(url_for(".me"), 303)
        except service.WrongCredentials:
            form.current.errors = ["This is not your present password."]
        except TooManyAttempts as error:
            form.current.errors, status = [error.message], error.status
        except Invalid as error:
            show_problem(form, error)
    return _page(password_form=form), status


@pages.post("/sessions/<int:session_id>/end")
@signed_in_by_browser
def end_session(session_id: int) -> ResponseReturnValue:
    """Signs one browser out."""
    with transaction() as session:
        sessions.end_one(session, _my_id(), session_id, now=utc_now())
    flash("That browser is signed out.", "success")
    return redirect(url_for(".me", _anchor="sessions"), 303)


@pages.post("/sessions/end")
@signed_in_by_browser
def end_sessions() -> ResponseReturnValue:
    """Signs out everywhere else."""
    with transaction() as session:
        count = sessions.end_all(session, _my_id(), now=utc_now(), but=authentication.session_key())
    flash(f"Signed out in {count} other {'browser' if count == 1 else 'browsers'}.", "success")
    return redirect(url_for(".me", _anchor="sessions"), 303)


@pages.post("/tokens")
@signed_in_by_browser
def create_token() -> ResponseReturnValue:
    """Makes a token and shows it, this once."""
    form = NewTokenForm()
    if not form.validate_on_submit():
        return _page(token_form=form), 400
    now = utc_now()
    expires_at = now + timedelta(days=int(form.expires.data)) if form.expires.data else None
    try:
        with transaction() as session:
            user = service.user_by_id(session, _my_id())
            text = tokens.create(session, user, label=form.label.data, expires_at=expires_at, now=now)
            detail = f"token “{form.label.data.strip()}” made"
            events.record(session, LoginKind.CHANGED, authentication.origin(), user=user, detail=detail, now=now)
    except Conflict as error:
        show_problem(form, error)
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
        events.record(session, LoginKind.CHANGED, authentication.origin(), user=user, detail=f"token “{token.label}” revoked", now=now)
    flash(f"The token “{token.label}” works no more.", "success")
    return redirect(url_for(".me", _anchor="tokens"), 303)


def _page(*, password_form: FlaskForm | None = None, token_form: FlaskForm | None = None, new_token: str | None = None) -> str:
    me, now = _my_id(), utc_now()
    with reading() as session:
        return render_template(
            "accounts/me.html",
            user=service.user_by_id(session, me),
            sessions=authentication.open_sessions(session, me, now=now),
            tokens=tokens.valid_of(session, me, now=now),
            events=events.newest(session, events.Filter(user_id=me), limit=20),
            password_form=password_form or OwnPasswordForm(formdata=None),
            token_form=token_form or NewTokenForm(formdata=None),
            new_token=new_token,
        )


def _my_id() -> int:
    """Raises Forbidden for callers whom Request Tracker vouches for and who have no account here."""
    user_id = current_actor().user_id
    if user_id is None:
        raise Forbidden("You have no account here, only one in Request Tracker. Ask your administrator for one.")
    return user_id
