"""Schemas of people with punches."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from request_tracker_utils.attendance.models import ALWAYS, AttendancePerson, PersonId
from request_tracker_utils.attendance.people_changes import MAX_IDS, MAX_NOTES, SiteId
from request_tracker_utils.attendance.schemas.punches import Day, Text
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.web.paging import PageQuery

FIRST_DAY = "First day on which the ID belongs to the person; null for always."


class PersonPath(BaseModel):
    person_id: int = Field(description="The person’s ID.", json_schema_extra={"example": 1, "minimum": 1, "maximum": LARGEST_ID})


class PeopleQuery(PageQuery):
    search: Text = Field("", max_length=100, description="Part of the name, or a user ID.", json_schema_extra={"example": "ada"})


class UserId(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user_id: Text = Field(max_length=200, examples=["17"])
    site: Text = Field("", max_length=300, description="Terminals of one site share their user IDs.", examples=["North High"])
    valid_from: Day | None = Field(None, description=FIRST_DAY, examples=[None])


def site_ids(ids: Sequence[UserId]) -> Sequence[SiteId]:
    return [SiteId(each.user_id, each.site, each.valid_from or ALWAYS) for each in ids]


class PersonPatch(BaseModel):
    """What is omitted does not change."""

    model_config = ConfigDict(extra="forbid")

    name: Text | None = Field(None, max_length=300, examples=["Ada Lovelace"])
    account: Text | None = Field(None, max_length=100, description="Name of the linked account; empty for none.", examples=[""])
    notes: Text | None = Field(None, max_length=2 * MAX_NOTES, examples=[""])
    ids: list[UserId] | None = Field(None, max_length=MAX_IDS, description="Replaces all user IDs of the person.")

    def site_ids(self) -> Sequence[SiteId] | None:
        return None if self.ids is None else site_ids(self.ids)


class PersonIn(PersonPatch):
    model_config = ConfigDict(extra="forbid")

    name: Text = Field(max_length=300, examples=["Ada Lovelace"])


class PersonOut(BaseModel):
    id: int = Field(examples=[1])
    name: str = Field(examples=["Ada Lovelace"])
    account: str = Field(description="Name of the linked account.", examples=[""])
    notes: str = Field(examples=[""])
    ids: list[UserId]

    @classmethod
    def of(cls, person: AttendancePerson, ids: Sequence[PersonId], account: str) -> dict[str, Any]:
        rows = [(each.user_id, each.site, None if each.valid_from == ALWAYS else each.valid_from.isoformat()) for each in ids]
        shown = [{"user_id": user_id, "site": site, "valid_from": day} for user_id, site, day in rows]
        return {"id": person.id, "name": person.name, "account": account, "notes": person.notes, "ids": shown}


class PeoplePage(BaseModel):
    count: int = Field(description="Total number of rows.", examples=[1])
    next: str | None = Field(description="URL of the next page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[PersonOut]


class PeopleMessage(BaseModel):
    message: str = Field(examples=["Ada Lovelace was deleted. The punches remain."])
