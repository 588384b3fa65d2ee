"""Creating one's own account, and asking for a link to choose a new password."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.accounts import links, recovery, registration
from request_tracker_utils.accounts.current import authentication
from request_tracker_utils.accounts.forms import ForgottenForm, RegisterForm
from request_tracker_utils.accounts.links import LinkInvalid
from request_tracker_utils.accounts.throttling import TooManyAttempts
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import public
from request_tracker_utils.web.error_responses import add_error
from request_tracker_utils.web.registry import registry, settings
from request_tracker_utils.web.threads import Reserved

pages = Blueprint("registration", __name__)


@pages.route("/register", methods=["GET", "POST"])
@public("people create their account here if REGISTRATION is open", reserved=Reserved.SIGN_IN)
def register() -> ResponseReturnValue:
    """Creates an account and signs in."""
    return _register("")


@pages.route("/register/<key>", methods=["GET", "POST"])
@public("one-time link of an invitation", reserved=Reserved.SIGN_IN)
def register_invited(key: str) -> ResponseReturnValue:
    """Creates an account with an invitation and signs in."""
    return _register(key)


@pages.route("/forgot-password", methods=["GET", "POST"])
@public("people ask for a link to choose a new password", reserved=Reserved.SIGN_IN)
def forgot_password() -> ResponseReturnValue:
    """Sends a password link. The answer is the same for every name."""
    form, status, headers = ForgottenForm(), 200, {}
    can_send = registry().find(Messenger) is not None
    if can_send and form.validate_on_submit():
        try:
            typed = form.account.data.strip()
            unknown_key, origin = authentication.unknown_key(typed), authentication.origin()
            recovery.request_link(reading, transaction, typed=typed, unknown_key=unknown_key, origin=origin, now=utc_now())
            message = _(
                "If an account has this name or email address, a link to choose a new password is on its way to its email address. It "
                "arrives within a few minutes. Check your spam folder too."
            )
            flash(message, "success")
            return redirect(url_for("accounts.sign_in"), 303)
        except TooManyAttempts as error:
            add_error(form, error)
            status, headers = error.status, error.headers()
    status = 400 if form.errors and status == 200 else status
    return render_template("accounts/forgot-password.html", form=form, can_send=can_send), status, headers


def _register(key: str) -> ResponseReturnValue:
    registration.check_open(settings().registration, invited=bool(key))
    form, role = RegisterForm(), ""
    if key:
        with reading() as session:
            invited = links.invitation(session, key, now=utc_now())
        role = invited.role or ""
        if not form.is_submitted():
            form.email.data = invited.email
    status, headers = 200, {}
    if form.validate_on_submit():
        try:
            user = registration.register(
                reading,
                transaction,
                mode=settings().registration,
                **{name: (form[name].data or "").strip() for name in ("name", "email", "phone")},
                password=form.password.data,
                invitation=key,
                origin=authentication.origin(),
                now=utc_now(),
            )
            authentication.begin(user)
            flash(_("Your account was created."), "success")
            return redirect(url_for("home.home"), 303)
        except LinkInvalid:
            raise
        except AppError as error:
            add_error(form, error)
            status, headers = error.status, error.headers()
    return render_template("accounts/register.html", form=form, role=role), 400 if form.errors and status == 200 else status, headers
