"""Signing in and out, setting up the first administrator, and choosing a password with a link."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.accounts import links, service
from request_tracker_utils.accounts.current import authentication
from request_tracker_utils.accounts.forms import ChooseAgainForm, SetUpForm, SignInForm
from request_tracker_utils.accounts.throttling import TooManyAttempts
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict, Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import current_actor_or_none, public, signed_in
from request_tracker_utils.web.error_responses import add_error
from request_tracker_utils.web.security import is_local_path
from request_tracker_utils.web.threads import Reserved

pages = Blueprint("accounts", __name__)


@pages.route("/sign-in", methods=["GET", "POST"])
@public("people sign in here", reserved=Reserved.SIGN_IN)
def sign_in() -> ResponseReturnValue:
    """Sign in with name and password."""
    form = SignInForm()
    target = request.args.get("next", "")
    target = target if is_local_path(target) else url_for("home.home")
    if current_actor_or_none():
        return redirect(target, 303)
    status, headers = 200, {}
    if form.validate_on_submit():
        try:
            authentication.begin(authentication.verify_password(form.name.data, form.password.data))
            return redirect(target, 303)
        except (service.WrongCredentials, TooManyAttempts) as error:
            add_error(form, error)
            status, headers = error.status, error.headers()
    return render_template("accounts/sign-in.html", form=form), 400 if form.errors and status == 200 else status, headers


@pages.post("/sign-out")
@signed_in
def sign_out() -> ResponseReturnValue:
    """Ends this browser's session."""
    authentication.end()
    flash(_("You are signed out."), "success")
    return redirect(url_for(".sign_in"), 303)


@pages.route("/set-up/<key>", methods=["GET", "POST"])
@public("one-time link of an installation without an administrator", reserved=Reserved.SIGN_IN)
def set_up(key: str) -> ResponseReturnValue:
    """Creates the first administrator and signs them in."""
    form = SetUpForm()
    with reading() as reader:
        links.check_setup_key(reader, key, now=utc_now())
    if form.validate_on_submit():
        try:
            with transaction() as writer:
                given = {"name": form.name.data.strip(), "password": form.password.data}
                user = service.set_up(writer, key=key, **given, origin=authentication.origin(), now=utc_now())
            authentication.begin(user)
            return redirect(url_for("home.home"), 303)
        except (Invalid, Conflict) as error:
            add_error(form, error)
    return render_template("accounts/set-up.html", form=form), 400 if form.errors else 200


@pages.route("/password/<key>", methods=["GET", "POST"])
@public("one-time link for choosing a password", reserved=Reserved.SIGN_IN)
def choose_password(key: str) -> ResponseReturnValue:
    """Sets the password of the link's owner and signs them in."""
    form = ChooseAgainForm()
    with reading() as reader:
        name = links.user_of_password_key(reader, key, now=utc_now()).name
    if form.validate_on_submit():
        try:
            with transaction() as writer:
                given = {"password": form.password.data, "revoke_tokens": form.revoke_tokens.data}
                user = service.use_password_link(writer, key=key, **given, origin=authentication.origin(), now=utc_now())
            authentication.begin(user)
            flash(_("Your password was changed."), "success")
            return redirect(url_for("home.home"), 303)
        except Invalid as error:
            add_error(form, error)
    return render_template("accounts/password.html", form=form, name=name), 400 if form.errors else 200
