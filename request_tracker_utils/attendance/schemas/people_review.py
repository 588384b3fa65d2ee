"""Schemas of merged and split people, of users of terminals without a person, of conflicts of names, and of changes of people."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, Strict

from request_tracker_utils.attendance.models import PeopleChange, RecordedChange
from request_tracker_utils.attendance.people import Identity
from request_tracker_utils.attendance.people_changes import MAX_IDS, SiteId
from request_tracker_utils.attendance.people_conflicts import Choice, ConflictKind, NameConflict, TerminalName
from request_tracker_utils.attendance.schemas.people import UserId, site_ids
from request_tracker_utils.attendance.schemas.punches import Day, Text
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.web.paging import MAX_PAGE_SIZE

FINGERPRINT = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
AT = "2026-03-02T14:05:00+00:00"


class MergeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    people: list[Annotated[int, Strict()]] = Field(
        min_length=1, max_length=MAX_IDS, description="IDs of the people who are the same person.", examples=[[2]]
    )


class SplitIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Text = Field(max_length=300, description="Name of the other person.", examples=["Grace Hopper"])
    ids: list[UserId] = Field(min_length=1, max_length=MAX_IDS, description="User IDs that belong to the other person.")

    def site_ids(self) -> Sequence[SiteId]:
        return site_ids(self.ids)


class ConflictPath(BaseModel):
    fingerprint: Text = Field(description="The conflict’s fingerprint.", json_schema_extra={"example": FINGERPRINT})


class ResolveIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    choice: Choice = Field(description="One of the conflict’s `choices`.", examples=["same"])
    day: Day | None = Field(
        None, description="For `other`: first day of the other person. The default is when the name appeared.", examples=[None]
    )


class TerminalUser(BaseModel):
    """A user as a terminal names them."""

    user_id: str = Field(examples=["17"])
    name: str = Field(examples=["Ada Lovelace"])
    site: str = Field(examples=["North High"])
    terminal: str = Field(examples=["Main entrance"])
    since: date = Field(description="Day of the last change on the terminal.", examples=["2026-03-02"])

    @classmethod
    def of(cls, name: TerminalName) -> dict[str, Any]:
        return {**name._asdict(), "since": name.since.isoformat()}


class ConflictPerson(BaseModel):
    id: int = Field(examples=[1])
    name: str = Field(examples=["Ada Lovelace"])


class ConflictOut(BaseModel):
    fingerprint: str = Field(description="Changes with the names and IDs.", examples=[FINGERPRINT])
    kind: ConflictKind = Field(examples=["same_name"])
    names: list[TerminalUser]
    people: list[ConflictPerson]
    choices: list[Choice] = Field(examples=[["same", "different"]])
    since: date | None = Field(description="When the name appeared first.", examples=["2026-03-02"])

    @classmethod
    def of(cls, conflict: NameConflict) -> dict[str, Any]:
        return {
            "fingerprint": conflict.fingerprint,
            "kind": conflict.kind,
            "names": [TerminalUser.of(each) for each in conflict.names],
            "people": [each._asdict() for each in conflict.people],
            "choices": list(conflict.choices),
            "since": conflict.since.isoformat() if conflict.since else None,
        }


class ResolvedOut(BaseModel):
    fingerprint: str = Field(examples=[FINGERPRINT])
    kind: ConflictKind = Field(examples=["same_name"])
    choice: Choice = Field(examples=["same"])


class UnassignedOut(TerminalUser):
    ready: bool = Field(description="Whether a person can be created: no conflict of names or IDs is open.", examples=[True])


class SiteUser(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user_id: Text = Field(max_length=200, examples=["17"])
    site: Text = Field("", max_length=300, examples=["North High"])


class CreateIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    users: list[SiteUser] | None = Field(None, max_length=MAX_PAGE_SIZE, description="Only these users; by default, all that are ready.")

    def identities(self) -> set[Identity] | None:
        return None if self.users is None else {SiteId(each.user_id, each.site).identity for each in self.users}


class CreatedOut(BaseModel):
    created: int = Field(description="Number of people. Users with a person or an open conflict are skipped.", examples=[1])


class ChangePath(BaseModel):
    change_id: int = Field(description="ID of the change.", json_schema_extra={"example": 1, "minimum": 1, "maximum": LARGEST_ID})


class ChangeOut(BaseModel):
    id: int = Field(examples=[1])
    kind: PeopleChange = Field(examples=["merged"])
    subject: str = Field(description="Names of the people at that time.", examples=["Ada Lovelace and Ada King"])
    people: int = Field(description="Number of people.", examples=[2])
    changed_by: str = Field(examples=["ada"])
    changed_at: datetime = Field(examples=[AT])
    undone_by: str | None = Field(examples=[None])
    undone_at: datetime | None = Field(examples=[None])

    @classmethod
    def of(cls, change: RecordedChange) -> dict[str, Any]:
        return {
            "id": change.id,
            "kind": change.kind,
            "subject": change.subject,
            "people": change.people,
            "changed_by": change.actor,
            "changed_at": change.created_at.isoformat(),
            "undone_by": change.undone_by,
            "undone_at": change.undone_at.isoformat() if change.undone_at else None,
        }


class ConflictPage(BaseModel):
    count: int = Field(description="Total number of rows.", examples=[1])
    next: str | None = Field(description="URL of the next page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[ConflictOut]


class UnassignedPage(BaseModel):
    count: int = Field(description="Total number of rows.", examples=[1])
    next: str | None = Field(description="URL of the next page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[UnassignedOut]


class ChangesPage(BaseModel):
    count: int = Field(description="Total number of rows.", examples=[1])
    next: str | None = Field(description="URL of the next page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[ChangeOut]
