"""Tables of the attendance bridge: terminals, what they have recorded, their clocks, people, and terminals that push."""

from request_tracker_utils.attendance.models.clocks import ClockReading, ClockRepair
from request_tracker_utils.attendance.models.people import ALWAYS, AttendancePerson, NameDecision, PeopleChange, PersonId, RecordedChange
from request_tracker_utils.attendance.models.punches import (
    ChangedDays,
    DayCount,
    Implausible,
    Punch,
    PunchReview,
    QuarantinedRecord,
    RawLog,
    ReviewDecision,
    Source,
    TerminalUserRow,
)
from request_tracker_utils.attendance.models.push import PendingTerminal, PushStamp
from request_tracker_utils.attendance.models.terminals import Outcome, Terminal, TerminalAlert, TerminalEvent, TerminalPoll

__all__ = [
    "ALWAYS",
    "AttendancePerson",
    "ChangedDays",
    "ClockReading",
    "ClockRepair",
    "DayCount",
    "Implausible",
    "NameDecision",
    "Outcome",
    "PendingTerminal",
    "PeopleChange",
    "PersonId",
    "Punch",
    "PunchReview",
    "PushStamp",
    "QuarantinedRecord",
    "RawLog",
    "RecordedChange",
    "ReviewDecision",
    "Source",
    "Terminal",
    "TerminalAlert",
    "TerminalEvent",
    "TerminalPoll",
    "TerminalUserRow",
]
