"""The form of a rollover."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired

from request_tracker_utils.students.grades import ORDERED_GRADES


class RolloverForm(FlaskForm):  # type: ignore[misc]
    name = StringField(_("New school year"), [InputRequired()])
    last_grade = SelectField(_("Last grade"), choices=ORDERED_GRADES)
