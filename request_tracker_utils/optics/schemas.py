"""Schemas of optics requests and the list of parts."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.inventory.schemas.stock import Pieces, Text
from request_tracker_utils.inventory.stock import MAX_NOTES
from request_tracker_utils.optics.models import MAX_NAME, MAX_OTHER, MAX_PART, OpticsRequest
from request_tracker_utils.optics.parts import MAX_PARTS
from request_tracker_utils.optics.service import NewRequest, OpticsAction, open_steps
from request_tracker_utils.web.paging import MAX_PAGE_SIZE

_MOMENTS = ("decided_at", "archived_at", "created_at", "updated_at")


class NewRequestIn(BaseModel):
    """Lenient types: the service validates requests from every source."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["selected_part", "quantity"]})

    selected_part: Text = Field("", max_length=MAX_PART, description="A name from the list of parts, in any case.", examples=["Other"])
    other_part: Text = Field(
        "", max_length=MAX_OTHER, description="The part, if `Other` is selected; otherwise empty.", examples=["QSFP-100G-LR4"]
    )
    quantity: Pieces = Field(None, examples=[2])
    requester_name: Text = Field(
        "", max_length=MAX_NAME, description="Who needs it. If empty: the name of the account.", examples=["Grace Hopper"]
    )

    def entered(self) -> NewRequest:
        return NewRequest(self.selected_part, self.other_part, self.quantity, self.requester_name)


class StatusIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    action: Literal["approve", "deny", "archive"] = Field(description="`approve`, `deny` or `archive`.", examples=["approve"])
    admin_note: Text = Field(
        "", max_length=MAX_NOTES, description="For the requester. Added to earlier notes.", examples=["Ordered, arrives on Monday."]
    )

    def step(self) -> OpticsAction:
        return OpticsAction(self.action)


class RequestPath(BaseModel):
    request_id: int = Field(description="The request’s ID.", json_schema_extra={"example": 12, "minimum": 1, "maximum": LARGEST_ID})


class RequestsQuery(BaseModel):
    status: Literal["", "pending", "approved", "denied", "archived"] = Field(
        "", description="`pending`, `approved`, `denied` or `archived`.", json_schema_extra={"example": ""}
    )
    limit: int = Field(200, ge=1, le=MAX_PAGE_SIZE, description="Rows at most.", json_schema_extra={"example": 200})
    before_id: int | None = Field(
        None,
        ge=1,
        le=LARGEST_ID,
        description="Requests with a smaller ID than this: the `Link` header of the previous page has it.",
        json_schema_extra={"example": 500},
    )


class RequestOut(BaseModel):
    id: int = Field(examples=[12])
    selected_part: str = Field(examples=["Other"])
    other_part: str = Field(examples=["QSFP-100G-LR4"])
    quantity: int = Field(examples=[2])
    requester_name: str = Field(examples=["Grace Hopper"])
    created_by_id: int | None = Field(description="The account; null if it was deleted.", examples=[2])
    created_by: str = Field(examples=["grace"])
    status: str = Field(description="`pending`, `approved`, `denied` or `archived`.", examples=["approved"])
    decision: str | None = Field(description="`approved` or `denied`, also after the request was archived.", examples=["approved"])
    admin_note: str = Field(examples=["Ordered, arrives on Monday."])
    decided_by_id: int | None = Field(examples=[1])
    decided_by: str | None = Field(examples=["ada"])
    decided_at: datetime | None = Field(examples=["2026-08-17T09:30:00+00:00"])
    archived_by: str | None = Field(examples=[None])
    archived_at: datetime | None = Field(examples=[None])
    created_at: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])
    updated_at: datetime = Field(examples=["2026-08-17T09:30:00+00:00"])
    open_steps: list[str] = Field(description="Actions that administrators can take now.", examples=[["archive"]])

    @classmethod
    def of(cls, request: OpticsRequest) -> dict[str, Any]:
        values = {name: getattr(request, name) for name in cls.model_fields if name != "open_steps"}
        moments = {name: moment.isoformat() for name in _MOMENTS if (moment := values[name]) is not None}
        return values | moments | {"open_steps": open_steps(request)}


class RequestList(RootModel[list[RequestOut]]):
    """Optics requests, newest first."""


class RequestAnswer(BaseModel):
    message: str = Field(examples=["Optics request submitted"])
    request: RequestOut


class PartList(RootModel[list[str]]):
    """Names of parts in the order that administrators have chosen; `Other` is last."""

    root: list[str] = Field(examples=[["SFP-10G-SR", "SFP-10G-LR", "Other"]])


class PartsIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    parts: list[Text] = Field(
        max_length=MAX_PARTS + 1,
        description="All parts in their order. `Other` may be left out: it is always there, and last.",
        examples=[["SFP-10G-SR", "SFP-10G-LR", "Other"]],
    )
