"""JSON of the lookup and ticket routes."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from request_tracker_utils.asset_store.schemas import AssetId
from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.holders.lookups import StudentAssets
from request_tracker_utils.students.errors import explanation
from request_tracker_utils.students.schemas.students import Identifier, Text
from request_tracker_utils.web.error_responses import ErrorShape

MAX_STUDENTS = 1_000
"""In one request."""
MAX_ASSETS = 100
MAX_SUBJECT, MAX_BODY, MAX_NAME = 200, 100_000, 300


class LookupQuery(BaseModel):
    rt_user_id: Text = Field(
        "",
        max_length=100,
        description="Name or number of a user to look up instead of the student’s.",
        json_schema_extra={"example": "student1001"},
    )


class UserPath(BaseModel):
    username: Text = Field(
        description="The user’s name, or number if no user has that name.", max_length=200, json_schema_extra={"example": "student1001"}
    )


class HeldAsset(BaseModel):
    id: int = Field(examples=[12345])
    name: str = Field(examples=["W12-1001"])
    asset_tag: str = Field(description="The tag of the device here; the asset’s name if it is not a device.", examples=["W12-1001"])
    serial_number: str = Field(examples=["5CD2198XKL"])
    model: str = Field(examples=["Chromebook 3100"])
    status: str = Field(examples=["in-use"])
    catalog: str = Field(examples=["Chromebooks"])

    @classmethod
    def of(cls, asset: Asset, tags: Mapping[int, str]) -> dict[str, Any]:
        return {
            "id": asset.id,
            "name": asset.name,
            "asset_tag": tags.get(asset.id, asset.name),
            "serial_number": asset.serial,
            "model": asset.model,
            "status": asset.status,
            "catalog": asset.catalog,
        }


class StudentLookup(BaseModel):
    student_id: str = Field(examples=["12345"])
    rt_user_id: str = Field(description="The user who has these assets.", examples=["student1001"])
    assets: list[HeldAsset] = Field(description="The assets that the user holds or owns in Request Tracker.")

    @classmethod
    def of(cls, found: StudentAssets) -> dict[str, Any]:
        assets = [HeldAsset.of(asset, found.tags) for asset in found.assets]
        return {"student_id": found.student_id, "rt_user_id": found.user, "assets": assets}


class LookupBatch(BaseModel):
    model_config = ConfigDict(extra="ignore")
    student_ids: list[Identifier] = Field(min_length=1, max_length=MAX_STUDENTS, examples=[["12345", "12346"]])


class LookupOrError(BaseModel):
    """A student’s assets, or an error."""

    student_id: str = Field(examples=["12345"])
    rt_user_id: str | None = Field(None, examples=["student1001"])
    assets: list[HeldAsset] | None = None
    error: str | None = Field(None, description="Why this student could not be looked up.", examples=[None])
    reason: str | None = Field(None, description="The same, with what to do.", examples=[None])

    @classmethod
    def of(cls, student_id: str, result: StudentAssets | AppError) -> dict[str, Any]:
        if isinstance(result, AppError):
            return {"student_id": student_id, "error": result.message, "reason": explanation(result)}
        return StudentLookup.of(result)


class LookupResults(BaseModel):
    results: list[LookupOrError]


class UserRow(BaseModel):
    id: int = Field(examples=[37])
    username: str = Field(examples=["student1001"])
    real_name: str = Field(examples=["Grace Hopper"])
    email: str = Field(examples=["grace@example.org"])
    privileged: bool = Field(examples=[False])


def _required(value: str) -> str:
    if not value.strip():
        raise ValueError("is required")
    return value.replace("\0", "\ufffd")


def _not_blank(max_length: int) -> WithJsonSchema:
    """Documents text that is not blank."""
    return WithJsonSchema({"type": "string", "minLength": 1, "maxLength": max_length, "pattern": r"\S"})


def _null_to_empty(value: Any) -> Any:
    return "" if value is None else value


Subject = Annotated[str, Field(max_length=MAX_SUBJECT), AfterValidator(_required), _not_blank(MAX_SUBJECT)]
Body = Annotated[str, Field(max_length=MAX_BODY), AfterValidator(_required), _not_blank(MAX_BODY)]
Optional = Annotated[
    Identifier,
    Field(max_length=MAX_NAME),
    BeforeValidator(_null_to_empty),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": MAX_NAME}, {"type": "integer"}, {"type": "null"}]}),
]
"""Text or an integer; may be missing or null."""


class CreateTicket(BaseModel):
    model_config = ConfigDict(extra="ignore")
    subject: Subject = Field(examples=["Broken screen"])
    body: Body = Field(examples=["It fell from a table."])
    queue: Optional = Field("", description="The default is RT_TICKET_QUEUE.", examples=["Device Repair"])
    student_id: Optional = Field("", description="The student’s user becomes the requestor, if Request Tracker has it.", examples=["12345"])
    device_id: AssetId | None = Field(None, description="ID of the asset that the ticket is about.", examples=[12345])
    device_name: Optional = Field("", description="Added below the body.", examples=["W12-1001"])
    asset_ids: list[AssetId] = Field(default_factory=list, max_length=MAX_ASSETS, description="More assets.", examples=[[12346]])


class TicketCreated(BaseModel):
    success: bool = Field(examples=[True])
    ticket_id: int = Field(examples=[501])
    ticket_url: str = Field(examples=["https://rt.example.org/Ticket/Display.html?id=501"])
    linked_assets: list[int] = Field(description="Assets that the ticket is linked to.", examples=[[12345]])
    unlinked_assets: list[int] = Field(description="Assets that could not be linked.", examples=[[12346]])
    warnings: list[str] = Field(
        description="Messages about what could not be done.",
        examples=[["Request Tracker did not link the ticket to asset #12346. Check the asset ID."]],
    )


def _error_body(message: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    body = {"success": False, "error": fields.get("reason") or message}
    return {**body, **{name: fields[name] for name in ("code", "field") if fields.get(name)}}


TICKET = ErrorShape(
    "TicketError",
    {
        "title": "TicketError",
        "type": "object",
        "required": ["success", "error"],
        "properties": {
            "success": {"type": "boolean", "enum": [False]},
            "error": {"type": "string", "description": "The problem and how to resolve it, for people."},
            "code": {"type": "string", "description": "The same for programs. It does not change."},
            "field": {"type": "string", "description": "The field with the problem."},
        },
        "examples": [{"success": False, "error": "subject: is required", "code": "invalid", "field": "subject"}],
    },
    _error_body,
)
