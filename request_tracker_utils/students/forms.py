"""Forms of students and devices. What holds for their fields is checked in `rules`, whichever way they come."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import EmailField, SelectField, StringField

from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.rules import CONDITIONS


class StudentForm(FlaskForm):  # type: ignore[misc]
    student_id = StringField("Student number")
    first_name = StringField("First name")
    last_name = StringField("Last name")
    grade = StringField("Grade")
    building = StringField("Building")
    homeroom = StringField("Homeroom")
    email = EmailField("E-mail address")
    rt_user = StringField("User in Request Tracker")

    def values(self) -> dict[str, Any]:
        return {name: self[name].data or "" for name in STUDENT_FIELDS}


STUDENT_FIELDS = ("student_id", "first_name", "last_name", "grade", "building", "homeroom", "email", "rt_user")


class DeviceForm(FlaskForm):  # type: ignore[misc]
    asset_tag = StringField("Tag")
    serial_number = StringField("Serial number")
    model = StringField("Model")
    building = StringField("Building")
    condition = SelectField("Condition", choices=CONDITIONS)

    def values(self) -> dict[str, Any]:
        return {name: self[name].data or "" for name in ("asset_tag", "serial_number", "model", "building", "condition")}


def student_form(student: Student | None = None) -> StudentForm:
    """Empty, or filled in; the number of a student who is entered stays."""
    form = StudentForm(obj=student)
    for name in ("student_id", "first_name", "last_name"):
        form[name].flags.required = True  # for the page alone: what is wrong with a value is said in one place
    return form


def device_form(device: Device | None = None) -> DeviceForm:
    form = DeviceForm(obj=device)
    form.asset_tag.flags.required = True
    return form
