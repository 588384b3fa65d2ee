"""The forms of accounts."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, EqualTo, InputRequired, Length

from request_tracker_utils.accounts.models import Role

_NAME = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
REVOKE = "Revoke my tokens too: somebody else may have them"
_NEW = {"autocomplete": "new-password"}
EXPIRIES = [SelectChoice("30", "in 30 days"), SelectChoice("90", "in 90 days"), SelectChoice("365", "in a year"), SelectChoice("", "never")]
"""Days until a token expires."""


class SignInForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Name", [InputRequired("Type your name.")], render_kw={**_NAME, "autofocus": True})
    password = PasswordField("Password", [InputRequired("Type your password.")], render_kw={"autocomplete": "current-password"})


class ChooseAgainForm(FlaskForm):  # type: ignore[misc]
    password = PasswordField("Password", [InputRequired("Choose a password.")], render_kw={**_NEW, "autofocus": True})
    again = PasswordField("The password again", [EqualTo("password", "The two passwords differ.")], render_kw=_NEW)
    revoke_tokens = BooleanField(REVOKE)


class SetUpForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Your name", [InputRequired("Choose a name.")], render_kw={**_NAME, "autofocus": True})
    password = PasswordField("Password", [InputRequired("Choose a password.")], render_kw=_NEW)
    again = PasswordField("The password again", [EqualTo("password", "The two passwords differ.")], render_kw=_NEW)


class OwnPasswordForm(FlaskForm):  # type: ignore[misc]
    current = PasswordField(
        "Your password now", [InputRequired("Type your present password.")], render_kw={"autocomplete": "current-password"}
    )
    password = PasswordField("New password", [InputRequired("Choose a password.")], render_kw=_NEW)
    again = PasswordField("The new password again", [EqualTo("password", "The two passwords differ.")], render_kw=_NEW)
    revoke_tokens = BooleanField(REVOKE)


class NewTokenForm(FlaskForm):  # type: ignore[misc]
    label = StringField("What is it for?", [DataRequired("Say what it is for, such as “backup script”."), Length(max=100)])
    expires = SelectField("It expires", choices=EXPIRIES, default="365")


class NewPersonForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Name", [InputRequired("Choose a name.")], render_kw={"autocomplete": "off", "autocapitalize": "none"})
    email = StringField("E-mail address", [Length(max=254)], render_kw={"autocomplete": "off", "inputmode": "email"})
    role = SelectField("Role", choices=[str(role) for role in Role], default=str(Role.STAFF))


class PersonForm(FlaskForm):  # type: ignore[misc]
    email = StringField("E-mail address", [Length(max=254)], render_kw={"autocomplete": "off", "inputmode": "email"})
    role = SelectField("Role", choices=[str(role) for role in Role])


class RtUserForm(FlaskForm):  # type: ignore[misc]
    rt_user = StringField("User in Request Tracker", [Length(max=200)], render_kw={"autocomplete": "off", "autocapitalize": "none"})
