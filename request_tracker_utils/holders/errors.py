"""What can go wrong with holders."""

from request_tracker_utils.core.errors import NotFound


class NoUserOfStudent(NotFound):
    """The student has no user in Request Tracker: the rule wants an e-mail address, and none is entered."""

    code = "no_user_of_student"
