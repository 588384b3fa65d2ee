"""Signing in and out, and the set-up of the first administrator."""

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired

from request_tracker_utils.accounts import recognise, service
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict, Invalid
from request_tracker_utils.web.auth import current_actor_or_none, public, signed_in
from request_tracker_utils.web.forms import show_problem

pages = Blueprint("accounts", __name__)


class SignInForm(FlaskForm):  # type: ignore[misc]
    name = StringField(
        "Name", [InputRequired("Type your name.")], render_kw={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}
    )
    password = PasswordField("Password", [InputRequired("Type your password.")], render_kw={"autocomplete": "current-password"})


class SetUpForm(FlaskForm):  # type: ignore[misc]
    name = StringField(
        "Your name", [InputRequired("Choose a name.")], render_kw={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}
    )
    password = PasswordField("Password", [InputRequired("Choose a password.")], render_kw={"autocomplete": "new-password"})
    again = PasswordField(
        "The password again", [EqualTo("password", "The two passwords differ.")], render_kw={"autocomplete": "new-password"}
    )


@pages.route("/sign-in", methods=["GET", "POST"])
@public("the way in")
def sign_in() -> ResponseReturnValue:
    """Name and password."""
    form = SignInForm()
    wanted = _own_address(request.args.get("next", ""))
    if current_actor_or_none():
        return redirect(wanted, 303)
    if not form.validate_on_submit():
        return render_template("accounts/sign-in.html", form=form), 400 if form.errors else 200
    try:
        with reading() as reader:
            user = service.check_password(reader, name=form.name.data, password=form.password.data)
    except service.WrongCredentials as error:
        show_problem(form, error)
        return render_template("accounts/sign-in.html", form=form), 400
    session.clear()  # what stood in the cookie before belongs to whoever had the browser before
    recognise.begin(user)
    session.permanent = True
    return redirect(wanted, 303)


@pages.post("/sign-out")
@signed_in
def sign_out() -> ResponseReturnValue:
    """Ends this browser's session."""
    recognise.end()
    session.clear()
    flash("You are signed out.", "success")
    return redirect(url_for(".sign_in"), 303)


@pages.route("/set-up/<key>", methods=["GET", "POST"])
@public("the one-time link of an installation without an administrator")
def set_up(key: str) -> ResponseReturnValue:
    """Makes the first administrator and signs them in."""
    form = SetUpForm()
    with reading() as reader:
        service.check_setup_key(reader, key, now=utc_now())
    if form.validate_on_submit():
        try:
            with transaction() as writer:
                user = service.set_up(writer, key=key, name=form.name.data.strip(), password=form.password.data, now=utc_now())
            session.clear()
            recognise.begin(user)
            session.permanent = True
            return redirect(url_for("home.home"), 303)
        except (Invalid, Conflict) as error:
            show_problem(form, error)
    return render_template("accounts/set-up.html", form=form), 400 if form.errors else 200


def _own_address(wanted: str) -> str:
    """The page that was wanted, if it is one of ours; else the front page. Browsers read `//host` and `/\\host` as other hosts."""
    if not wanted.startswith("/") or wanted[1:2] in ("/", "\\") or not wanted.isprintable():
        return url_for("home.home")
    return wanted
