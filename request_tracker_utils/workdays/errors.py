"""Errors of workdays that callers see."""

from request_tracker_utils.core.errors import Invalid


class InvalidDays(Invalid):
    """The range of days is invalid; `field` names the field."""

    code = "invalid_days"
