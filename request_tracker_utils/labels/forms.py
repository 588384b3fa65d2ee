"""The form that selects labels to print."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import Length, NumberRange, Optional

from request_tracker_utils.labels.service import MAX_COPIES, MAX_SKIP


class SelectionForm(FlaskForm):  # type: ignore[misc]
    lines = TextAreaField(_("Tags, serial numbers or asset IDs"), [Length(max=500_000)])
    first = StringField(_("First tag"), [Length(max=60)])
    last = StringField(_("Last tag"), [Length(max=60)])
    query = StringField(_("Query"), [Length(max=2_000)])
    size = SelectField(_("Label format"))
    copies = IntegerField(
        _("Copies of each label"),
        [Optional(), NumberRange(1, MAX_COPIES, _("Print 1 to %(maximum)s copies of each label.", maximum=MAX_COPIES))],
        default=1,
    )
    skip = IntegerField(_("Labels to skip on the first sheet"), [Optional(), NumberRange(0, MAX_SKIP)], default=0)
    q = StringField(_("Tag, serial number or model"), [Length(max=200)])
    catalog = SelectField(_("Catalog"), validate_choice=False)

    def stripped(self, name: str) -> str:
        return (self[name].data or "").strip()
