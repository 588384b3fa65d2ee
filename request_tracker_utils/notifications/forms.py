"""Forms of notifications."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField, SelectMultipleField, StringField, TextAreaField, TimeField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext_noop

CHANNELS = {Channel.EMAIL: gettext_noop("Email"), Channel.SMS: gettext_noop("Text message"), Channel.CHAT: gettext_noop("Chat")}


class PreferencesForm(FlaskForm):  # type: ignore[misc]
    email = BooleanField(_("Email"))
    sms = BooleanField(_("Text message"))
    chat = BooleanField(_("Chat"))
    wanted = SelectMultipleField(_("Messages"), option_widget=CheckboxInput())
    """The optional kinds of messages that the person receives; the others are muted."""
    quiet_from = TimeField(_("Quiet from"), [Optional()], render_kw={"autocomplete": "off"})
    quiet_until = TimeField(_("Quiet until"), [Optional()], render_kw={"autocomplete": "off"})


class ChatForm(FlaskForm):  # type: ignore[misc]
    addresses = TextAreaField(
        _("Chat addresses"),
        [DataRequired(_("Enter at least one address.")), Length(max=1_000)],
        render_kw={"rows": 3, "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )


class PhoneForm(FlaskForm):  # type: ignore[misc]
    phone = StringField(
        _("Phone number"),
        [DataRequired(_("Enter a phone number.")), Length(max=40)],
        render_kw={"type": "tel", "autocomplete": "tel", "placeholder": "+1 202 555 0123"},
    )


class CodeForm(FlaskForm):  # type: ignore[misc]
    code = StringField(
        _("Code"),
        [InputRequired(_("Enter the code."))],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "maxlength": 12},
    )


class TestMessageForm(FlaskForm):  # type: ignore[misc]
    __test__ = False  # no test of pytest

    channel = SelectField(
        _("Channel"),
        choices=[SelectChoice(channel, _(title)) for channel, title in CHANNELS.items()],
    )
    address = StringField(
        _("Address"),
        [Length(max=500)],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )


class ReleaseForm(FlaskForm):  # type: ignore[misc]
    reason = StringField(
        _("Reason"),
        [DataRequired(_("Enter a reason, such as “The mailbox works again.”")), Length(max=200)],
        render_kw={"autocomplete": "off"},
    )
