"""The fields of lists, and what their columns are called by the programs that write them."""

from request_tracker_utils.core.tables import Words
from request_tracker_utils.rosters.models import Subject

TITLES: dict[str, dict[str, str]] = {
    Subject.STUDENTS: {
        "student_id": "Student number",
        "first_name": "First name",
        "last_name": "Last name",
        "grade": "Grade",
        "homeroom": "Homeroom",
        "building": "School",
        "email": "E-mail",
        "rt_user": "Request Tracker user",
        "active": "Active",
    },
    Subject.DEVICES: {
        "asset_tag": "Tag",
        "serial_number": "Serial number",
        "model": "Model",
        "status": "Status",
        "building": "School",
        "condition": "Condition",
        "student_id": "Assigned to (student number)",
    },
}
"""Subject → field → what people call it. The first field says which student or device a row is about."""

_SCHOOL = {"school", "school name", "building", "building name", "campus", "site", "location"}
WORDS: dict[str, Words] = {
    Subject.STUDENTS: {
        "student_id": {
            "student id",
            "studentid",
            "student number",
            "student no",
            "student local id",
            "local id",
            "localid",
            "local student id",
            "sis id",
            "other id",
            "pupil id",
            "pupil number",
            "id",
        },
        "first_name": {"first name", "firstname", "first", "student first name", "given name", "legal first name"},
        "last_name": {"last name", "lastname", "last", "student last name", "surname", "family name", "legal last name"},
        "grade": {"grade", "grade level", "gradelevel", "current grade", "grd"},
        "homeroom": {"homeroom", "home room", "hr", "homeroom teacher", "advisory"},
        "building": _SCHOOL,
        "email": {"email", "e mail", "email address", "e mail address", "student email", "mail"},
        "rt_user": {"rt user", "request tracker user", "rt username", "username", "user name"},
        "active": {"active", "is active", "enrolled", "enrollment status", "student status"},
    },
    Subject.DEVICES: {
        "asset_tag": {"asset tag", "assettag", "tag", "asset", "asset number", "barcode", "device tag"},
        "serial_number": {"serial", "serial number", "serialnumber", "serial no", "s n", "sn", "service tag"},
        "model": {"model", "model name", "device model"},
        "status": {"status", "device status"},
        "building": _SCHOOL,
        "condition": {"condition"},
        "student_id": {"assigned to", "student id", "studentid", "student number", "holder", "checked out to", "current student id"},
    },
}
"""Subject → field → words of headings."""


def key_field(subject: str) -> str:
    return next(iter(TITLES[subject]))
