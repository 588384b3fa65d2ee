"""Forms of students and devices. `fields` validates their values, as it does for the API and files."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import EmailField, SelectField, StringField

from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.students.fields import CONDITIONS
from request_tracker_utils.students.models import Device, Student

STUDENT_FIELDS = ("student_id", "first_name", "last_name", "grade", "building", "homeroom", "email", "rt_user")
DEVICE_FIELDS = ("asset_tag", "serial_number", "model", "building", "condition")


class StudentForm(FlaskForm):  # type: ignore[misc]
    student_id = StringField(gettext_noop("Student number"))
    first_name = StringField(gettext_noop("First name"))
    last_name = StringField(gettext_noop("Last name"))
    grade = StringField(gettext_noop("Grade"))
    building = StringField(gettext_noop("School"))
    homeroom = StringField(gettext_noop("Homeroom"))
    email = EmailField(gettext_noop("Email address"))
    rt_user = StringField(gettext_noop("Request Tracker user"))

    def values(self) -> dict[str, Any]:
        return {name: self[name].data or "" for name in STUDENT_FIELDS}


class DeviceForm(FlaskForm):  # type: ignore[misc]
    asset_tag = StringField(gettext_noop("Tag"))
    serial_number = StringField(gettext_noop("Serial number"))
    model = StringField(gettext_noop("Model"))
    building = StringField(gettext_noop("School"))
    condition = SelectField(gettext_noop("Condition"), choices=list(CONDITIONS.items()))

    def values(self) -> dict[str, Any]:
        return {name: self[name].data or "" for name in DEVICE_FIELDS}


def student_form(student: Student | None = None) -> StudentForm:
    """Empty, or filled in for an existing student."""
    form = StudentForm(obj=student)
    for name in ("student_id", "first_name", "last_name"):
        form[name].flags.required = True  # only marks the field on the page; `fields` validates
    return form


def device_form(device: Device | None = None) -> DeviceForm:
    """Empty, or filled in for an existing device."""
    form = DeviceForm(obj=device)
    form.asset_tag.flags.required = True
    return form
