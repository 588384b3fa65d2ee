"""Forms for accounts."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, EqualTo, InputRequired, Length

from request_tracker_utils.accounts.contact import MAX_TYPED
from request_tracker_utils.accounts.links import INVITED_ROLES
from request_tracker_utils.accounts.models import Role

_NAME = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
REVOKE = _("Also revoke my personal tokens")
_NEW = {"autocomplete": "new-password"}
EXPIRIES = [
    SelectChoice("30", _("in 30 days")),
    SelectChoice("90", _("in 90 days")),
    SelectChoice("365", _("in one year")),
    SelectChoice("", _("never")),
]
"""Days until a token expires."""


class SignInForm(FlaskForm):  # type: ignore[misc]
    name = StringField(_("Name"), [InputRequired(_("Enter your name."))], render_kw={**_NAME, "autofocus": True})
    password = PasswordField(_("Password"), [InputRequired(_("Enter your password."))], render_kw={"autocomplete": "current-password"})


class ChooseAgainForm(FlaskForm):  # type: ignore[misc]
    password = PasswordField(_("Password"), [InputRequired(_("Choose a password."))], render_kw={**_NEW, "autofocus": True})
    again = PasswordField(_("Repeat the password"), [EqualTo("password", _("The passwords do not match."))], render_kw=_NEW)
    revoke_tokens = BooleanField(REVOKE)


class SetUpForm(FlaskForm):  # type: ignore[misc]
    name = StringField(_("Your name"), [InputRequired(_("Enter a name."))], render_kw={**_NAME, "autofocus": True})
    password = PasswordField(_("Password"), [InputRequired(_("Choose a password."))], render_kw=_NEW)
    again = PasswordField(_("Repeat the password"), [EqualTo("password", _("The passwords do not match."))], render_kw=_NEW)


class RegisterForm(FlaskForm):  # type: ignore[misc]
    name = StringField(_("Name"), [InputRequired(_("Enter a name."))], render_kw={**_NAME, "autofocus": True})
    email = StringField(_("Email address"), [Length(max=MAX_TYPED)], render_kw={"autocomplete": "email", "inputmode": "email"})
    phone = StringField(_("Phone number"), [Length(max=MAX_TYPED)], render_kw={"autocomplete": "tel", "inputmode": "tel"})
    password = PasswordField(_("Password"), [InputRequired(_("Choose a password."))], render_kw=_NEW)
    again = PasswordField(_("Repeat the password"), [EqualTo("password", _("The passwords do not match."))], render_kw=_NEW)


class ForgottenForm(FlaskForm):  # type: ignore[misc]
    account = StringField(
        _("Name or email address"),
        [DataRequired(_("Enter your name or your email address.")), Length(max=MAX_TYPED)],
        render_kw={**_NAME, "autofocus": True},
    )


class InvitationForm(FlaskForm):  # type: ignore[misc]
    role = SelectField(_("Role"), choices=INVITED_ROLES, default=str(Role.STAFF))
    email = StringField(_("Email address"), [Length(max=MAX_TYPED)], render_kw={"autocomplete": "off", "inputmode": "email"})


class OwnPasswordForm(FlaskForm):  # type: ignore[misc]
    current = PasswordField(
        _("Current password"), [InputRequired(_("Enter your current password."))], render_kw={"autocomplete": "current-password"}
    )
    password = PasswordField(_("New password"), [InputRequired(_("Choose a password."))], render_kw=_NEW)
    again = PasswordField(_("Repeat the new password"), [EqualTo("password", _("The passwords do not match."))], render_kw=_NEW)
    revoke_tokens = BooleanField(REVOKE)


class NewTokenForm(FlaskForm):  # type: ignore[misc]
    label = StringField(_("Purpose"), [DataRequired(_("Enter a purpose, such as “backup script”.")), Length(max=100)])
    expires = SelectField(_("Expires"), choices=EXPIRIES, default="365")


class NewPersonForm(FlaskForm):  # type: ignore[misc]
    name = StringField(_("Name"), [InputRequired(_("Enter a name."))], render_kw={"autocomplete": "off", "autocapitalize": "none"})
    email = StringField(_("Email address"), [Length(max=MAX_TYPED)], render_kw={"autocomplete": "off", "inputmode": "email"})
    phone = StringField(_("Phone number"), [Length(max=MAX_TYPED)], render_kw={"autocomplete": "off", "inputmode": "tel"})
    role = SelectField(_("Role"), choices=[str(role) for role in Role], default=str(Role.STAFF))


class PersonForm(FlaskForm):  # type: ignore[misc]
    email = StringField(_("Email address"), [Length(max=MAX_TYPED)], render_kw={"autocomplete": "off", "inputmode": "email"})
    phone = StringField(_("Phone number"), [Length(max=MAX_TYPED)], render_kw={"autocomplete": "off", "inputmode": "tel"})
    role = SelectField(_("Role"), choices=[str(role) for role in Role])


class StudentLinkForm(FlaskForm):  # type: ignore[misc]
    student = StringField(_("Student number or name"), [Length(max=100)], render_kw={"autocomplete": "off", "autocapitalize": "none"})


class SchoolForm(FlaskForm):  # type: ignore[misc]
    school = SelectField(_("School"), validate_choice=False)
    homeroom = StringField(_("Homeroom"), [Length(max=50)], render_kw={"autocomplete": "off", "list": "homerooms"})

    def offer(self, schools: list[str]) -> "SchoolForm":
        """With these schools, and the present one if no student has it now."""
        present = [self.school.data] if self.school.data and self.school.data not in schools else []
        self.school.choices = [SelectChoice("", _("none")), *(SelectChoice(name, name) for name in [*schools, *present])]
        return self


class RtUserForm(FlaskForm):  # type: ignore[misc]
    rt_user = StringField(_("Request Tracker user"), [Length(max=200)], render_kw={"autocomplete": "off", "autocapitalize": "none"})
