"""Errors of holders."""

from request_tracker_utils.core.errors import NotFound


class StudentHasNoUser(NotFound):
    """The student has no user in Request Tracker: RT_STUDENT_USER requires an e-mail address, and the student has none."""

    code = "no_user_of_student"
