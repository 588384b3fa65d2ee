"""Forms of the page Asset tags."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, SelectField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Regexp

from request_tracker_utils.core.settings import PREFIX_FORM
from request_tracker_utils.tags.tag_format import LARGEST_NUMBER


class ResetForm(FlaskForm):  # type: ignore[misc]
    """`expected` is the sequence's next number when the form was loaded."""

    expected = HiddenField(validators=[Regexp(r"[0-9]{1,10}\Z", message="Reload the page and try again.")])
    start_number = IntegerField(
        "Next number",
        [
            InputRequired("Enter a whole number."),
            NumberRange(1, LARGEST_NUMBER, message=f"The number must be between 1 and {LARGEST_NUMBER:,}."),
        ],
    )
    reason = StringField("Reason", [DataRequired("Enter a reason for the audit log."), Length(max=200)])


class PrefixForm(FlaskForm):  # type: ignore[misc]
    prefix = StringField(
        "Prefix",
        [
            InputRequired("Enter a prefix, such as LAB-."),
            Regexp(
                rf"(?:{PREFIX_FORM.pattern})\Z",
                message="A prefix has 1 to 16 letters, digits, dots, dashes, or underscores, and does not end with a digit.",
            ),
        ],
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "maxlength": 16},
    )


class CatalogForm(FlaskForm):  # type: ignore[misc]
    catalog = SelectField("Catalog")
    of_prefix = SelectField("Prefix for its new assets")
