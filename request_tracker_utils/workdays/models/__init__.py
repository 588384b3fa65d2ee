"""Tables of workdays: the days, decisions about them, the schedules of staff groups, missed punches, and pay periods."""

from request_tracker_utils.workdays.models.missed_punches import MissedPunchRequest, RequestState
from request_tracker_utils.workdays.models.pay_periods import ROUNDINGS, PayAdjustment, PayLength, PayPeriod, PayPeriodDay
from request_tracker_utils.workdays.models.reviews import Decision, DecisionEnd, WorkdayDecision
from request_tracker_utils.workdays.models.schedules import (
    MAX_GRACE,
    MAX_GROUP_NAME,
    ScheduleHours,
    ScheduleVersion,
    StaffGroup,
    StaffGroupMember,
)
from request_tracker_utils.workdays.models.tallies import WorkdayTally
from request_tracker_utils.workdays.models.workdays import MAX_PROBLEM, DayKind, OutlierNotice, ReviewState, Workday

__all__ = [
    "MAX_GRACE",
    "MAX_GROUP_NAME",
    "MAX_PROBLEM",
    "ROUNDINGS",
    "DayKind",
    "Decision",
    "DecisionEnd",
    "MissedPunchRequest",
    "OutlierNotice",
    "PayAdjustment",
    "PayLength",
    "PayPeriod",
    "PayPeriodDay",
    "RequestState",
    "ReviewState",
    "ScheduleHours",
    "ScheduleVersion",
    "StaffGroup",
    "StaffGroupMember",
    "Workday",
    "WorkdayDecision",
    "WorkdayTally",
]
