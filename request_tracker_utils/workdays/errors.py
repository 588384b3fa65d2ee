"""Errors of workdays that callers see, also in lists."""

from request_tracker_utils.core.errors import Invalid, NotFound


class InvalidDays(Invalid):
    """The range of days is invalid; `field` names the field."""

    code = "invalid_days"


class WorkdayNotFound(NotFound):
    """The workday does not exist. A person, day or terminal without punches has none."""

    code = "workday_not_found"


class NoOwnWorkdays(NotFound):
    """The caller's account is not linked to a person with punches. An administrator can link it."""

    code = "no_own_workdays"
