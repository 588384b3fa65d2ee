"""Tables of workdays: the days, decisions about them, and the schedules of staff groups."""

from request_tracker_utils.workdays.models.reviews import Decision, DecisionEnd, WorkdayDecision
from request_tracker_utils.workdays.models.schedules import (
    MAX_GRACE,
    MAX_GROUP_NAME,
    ScheduleHours,
    ScheduleVersion,
    StaffGroup,
    StaffGroupMember,
)
from request_tracker_utils.workdays.models.workdays import MAX_PROBLEM, DayKind, OutlierNotice, ReviewState, Workday

__all__ = [
    "MAX_GRACE",
    "MAX_GROUP_NAME",
    "MAX_PROBLEM",
    "DayKind",
    "Decision",
    "DecisionEnd",
    "OutlierNotice",
    "ReviewState",
    "ScheduleHours",
    "ScheduleVersion",
    "StaffGroup",
    "StaffGroupMember",
    "Workday",
    "WorkdayDecision",
]
