"""Errors of staff groups, their hours and members."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound


class StaffGroupNotFound(NotFound):
    """No staff group has this ID."""

    code = "staff_group_not_found"


class ScheduleVersionNotFound(NotFound):
    """The staff group has no version of its hours with this ID."""

    code = "schedule_version_not_found"


class GroupChangeNotFound(NotFound):
    """No upcoming change of members has this ID, or the person is not in the group on that day."""

    code = "group_change_not_found"


class InvalidGroupField(Invalid):
    """A field of a staff group, of its hours or members cannot be stored; `field` names it."""

    code = "invalid_group_field"


class StaffGroupExists(Conflict):
    """Another staff group has this name."""

    code = "staff_group_exists"


class StaffGroupInUse(Conflict):
    """The staff group has or had hours or members. Move its members to another group instead: past workdays do not change."""

    code = "staff_group_in_use"


class ScheduleVersionExists(Conflict):
    """Another version of the hours begins on this day."""

    code = "schedule_version_exists"


class AlreadyBegun(Conflict):
    """What has begun does not change, because past workdays depend on it. Add a later version or change."""

    code = "already_begun"
