"""Errors of punches: their review, the quarantine, and repairs of clocks."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound


class PunchNotFound(NotFound):
    """No punch has this ID."""

    code = "punch_not_found"


class PunchPlausible(Conflict):
    """The time of the punch is plausible: there is nothing to review."""

    code = "punch_plausible"


class RecordNotFound(NotFound):
    """No quarantined record or raw log has this ID."""

    code = "record_not_found"


class InvalidClockRepair(Invalid):
    """A clock cannot be repaired like this; `field` names what is wrong."""

    code = "invalid_clock_repair"


class ClockRepairOverlaps(Conflict):
    """Some of these punches have been repaired. Reverse that repair first."""

    code = "clock_repair_overlaps"


class ClockRepairNotFound(NotFound):
    """No repair of a clock has this ID."""

    code = "clock_repair_not_found"


class ClockRepairReversed(Conflict):
    """The repair was reversed before."""

    code = "clock_repair_reversed"
