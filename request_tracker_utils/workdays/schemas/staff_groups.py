"""Schemas of staff groups, their hours and members."""

from collections.abc import Mapping
from datetime import date, time
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from request_tracker_utils.attendance.models import AttendancePerson
from request_tracker_utils.attendance.schemas.punches import Day, Text
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.web.paging import PageQuery
from request_tracker_utils.workdays.group_errors import InvalidGroupField
from request_tracker_utils.workdays.group_members import MAX_LINES
from request_tracker_utils.workdays.models import MAX_GRACE, MAX_GROUP_NAME, StaffGroup, StaffGroupMember
from request_tracker_utils.workdays.schedules import Hours, NewVersion, Version
from request_tracker_utils.workdays.staff_groups import MAX_NOTES

Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["07:00"])]
FIRST_DAY = "Tomorrow at the earliest: past workdays do not change."


class GroupPath(BaseModel):
    group_id: int = Field(description="The staff group’s ID.", json_schema_extra={"example": 1, "minimum": 1, "maximum": LARGEST_ID})


class VersionPath(GroupPath):
    version_id: int = Field(description="The version’s ID.", json_schema_extra={"example": 2, "minimum": 1, "maximum": LARGEST_ID})


class MemberPath(GroupPath):
    person_id: int = Field(description="The person’s ID.", json_schema_extra={"example": 1, "minimum": 1, "maximum": LARGEST_ID})


class UpcomingPath(GroupPath):
    change_id: int = Field(description="The change’s ID.", json_schema_extra={"example": 1, "minimum": 1, "maximum": LARGEST_ID})


class GroupPatch(BaseModel):
    """What is omitted does not change."""

    model_config = ConfigDict(extra="forbid")

    name: Text | None = Field(None, max_length=2 * MAX_GROUP_NAME, examples=["Kitchen"])
    notes: Text | None = Field(None, max_length=2 * MAX_NOTES, examples=[""])


class GroupIn(GroupPatch):
    model_config = ConfigDict(extra="forbid")

    name: Text = Field(max_length=2 * MAX_GROUP_NAME, examples=["Kitchen"])


class WeekdayHours(BaseModel):
    model_config = ConfigDict(extra="forbid")

    weekday: int = Field(strict=True, ge=0, le=6, description="0 is Monday.", examples=[0])
    starts_at: Clock
    ends_at: Clock = Field(description="On the next day if it is before the start.", examples=["15:00"])


class VersionIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    valid_from: Day = Field(
        description="First day: tomorrow at the earliest. The first hours of a group may begin today.", examples=["2026-08-03"]
    )
    valid_until: Day | None = Field(None, description="Last day; null until other hours begin.", examples=[None])
    grace_minutes: int = Field(
        0, strict=True, ge=0, le=MAX_GRACE, description="How much later or earlier is not late or early.", examples=[5]
    )
    hours: list[WeekdayHours] = Field(max_length=7, description="A weekday without hours is a day off.")

    def entered(self) -> NewVersion:
        """Raises InvalidGroupField."""
        hours = {each.weekday: Hours(time.fromisoformat(each.starts_at), time.fromisoformat(each.ends_at)) for each in self.hours}
        if len(hours) < len(self.hours):
            raise InvalidGroupField("hours: a weekday occurs twice", field="hours")
        return NewVersion(self.valid_from, hours, self.grace_minutes, self.valid_until)


class VersionOut(BaseModel):
    id: int = Field(examples=[1])
    valid_from: str = Field(examples=["2026-08-03"])
    valid_until: str | None = Field(description="Last day, as it was entered.", examples=[None])
    ends: str | None = Field(description="Last day: the one that was entered, or the one before later hours.", examples=[None])
    grace_minutes: int = Field(examples=[5])
    hours: list[WeekdayHours]
    created_by: str = Field(examples=["ada"])

    @classmethod
    def of(cls, version: Version) -> dict[str, Any]:
        row = version.row
        own = {
            "valid_from": row.valid_from.isoformat(),
            "valid_until": row.valid_until and row.valid_until.isoformat(),
            "ends": version.ends and version.ends.isoformat(),
            "hours": _hours(version.hours),
        }
        return {name: own[name] if name in own else getattr(row, name) for name in cls.model_fields}


class VersionRows(RootModel[list[VersionOut]]):
    """All hours of a group, the newest first."""


class GroupOut(BaseModel):
    id: int = Field(examples=[1])
    name: str = Field(examples=["Kitchen"])
    notes: str = Field(examples=[""])
    members: int = Field(description="How many people are in the group today.", examples=[12])
    current: VersionOut | None = Field(description="The hours of today; null where the default hours apply.", examples=[None])

    @classmethod
    def of(cls, group: StaffGroup, members: int, current: Version | None) -> dict[str, Any]:
        shown = None if current is None else VersionOut.of(current)
        return {"id": group.id, "name": group.name, "notes": group.notes, "members": members, "current": shown}


class GroupList(BaseModel):
    count: int = Field(examples=[1])
    next: str | None = Field(description="Always empty: all groups are on one page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[GroupOut]


class GroupMessage(BaseModel):
    message: str = Field(examples=["The staff group Kitchen was deleted."])


class MembersQuery(PageQuery):
    date: Day | None = Field(None, description="The members on this day; today if omitted.", json_schema_extra={"example": "2026-08-03"})
    search: Text = Field("", max_length=100, description="Part of the name.", json_schema_extra={"example": "ada"})


class MembersIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    people: list[Annotated[int, Field(strict=True, ge=1, le=LARGEST_ID)]] = Field(
        max_length=MAX_LINES, description="IDs of people; their former group ends.", examples=[[1, 2]]
    )
    valid_from: Day | None = Field(None, description=f"First day; tomorrow if omitted. {FIRST_DAY}", examples=["2026-08-03"])


class RemoveQuery(BaseModel):
    valid_from: Day | None = Field(
        None,
        description=f"First day without the group; tomorrow if omitted. {FIRST_DAY}",
        json_schema_extra={"example": "2026-08-03"},
    )


class MembersChanged(BaseModel):
    changed: int = Field(description="For how many of them that is new.", examples=[2])


class MemberOut(BaseModel):
    id: int = Field(description="The person’s ID.", examples=[1])
    name: str = Field(examples=["Ada Lovelace"])

    @classmethod
    def of(cls, person: AttendancePerson) -> dict[str, Any]:
        return {"id": person.id, "name": person.name}


class MemberPage(BaseModel):
    count: int = Field(description="Total number of rows.", examples=[1])
    next: str | None = Field(description="URL of the next page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[MemberOut]


class UpcomingOut(BaseModel):
    id: int = Field(examples=[1])
    person: int = Field(description="The person’s ID.", examples=[1])
    name: str = Field(examples=["Ada Lovelace"])
    valid_from: str = Field(examples=["2026-08-03"])
    group: int | None = Field(description="The group from then on; null for none.", examples=[1])

    @classmethod
    def of(cls, row: StaffGroupMember, name: str) -> dict[str, Any]:
        return {"id": row.id, "person": row.person_id, "name": name, "valid_from": row.valid_from.isoformat(), "group": row.group_id}


class UpcomingRows(RootModel[list[UpcomingOut]]):
    """People who will join or leave the group, the next ones first."""


def day_or(given: date | None, default: date) -> date:
    return default if given is None else given


def _hours(hours: Mapping[int, Hours]) -> list[dict[str, Any]]:
    rows = sorted(hours.items())
    return [{"weekday": day, "starts_at": f"{each.starts_at:%H:%M}", "ends_at": f"{each.ends_at:%H:%M}"} for day, each in rows]
