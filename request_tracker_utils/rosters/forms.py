"""The form of a rollover."""

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired

from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.students.grades import ORDERED_GRADES


class RolloverForm(FlaskForm):  # type: ignore[misc]
    name = StringField(gettext_noop("New school year"), [InputRequired()])
    last_grade = SelectField(gettext_noop("Last grade"), choices=ORDERED_GRADES)
