"""Forms of the page of asset tags."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, SelectField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Regexp

from request_tracker_utils.core.settings import PREFIX_FORM
from request_tracker_utils.tags.names import LARGEST_NUMBER


class ResetForm(FlaskForm):  # type: ignore[misc]
    """`seen` is what the sequence's next number was on the page."""

    seen = HiddenField(validators=[Regexp(r"[0-9]{1,10}\Z", message="Load the page again, and decide anew.")])
    start_number = IntegerField(
        "Go on with number",
        [
            InputRequired("Write a whole number."),
            NumberRange(1, LARGEST_NUMBER, message=f"The number must be between 1 and {LARGEST_NUMBER:,}."),
        ],
    )
    reason = StringField("Why", [DataRequired("Say why: it stands in the audit trail."), Length(max=200)])


class PrefixForm(FlaskForm):  # type: ignore[misc]
    prefix = StringField(
        "Prefix",
        [
            InputRequired("Write a prefix, such as LAB-."),
            Regexp(
                rf"(?:{PREFIX_FORM.pattern})\Z",
                message="A prefix has 1 to 16 letters, digits, dots, dashes or underscores, and ends with no digit.",
            ),
        ],
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "maxlength": 16},
    )


class CatalogForm(FlaskForm):  # type: ignore[misc]
    catalog = SelectField("Catalog")
    of_prefix = SelectField("Prefix of its new assets")
