"""What the routes of look-ups and tickets take and give."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from request_tracker_utils.asset_store.schemas import AssetId
from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.holders.lookups import Held
from request_tracker_utils.students.errors import told
from request_tracker_utils.students.schemas.students import Identifier, Text
from request_tracker_utils.web.error_responses import ErrorShape

MOST = 1_000
"""Students of one request."""
MOST_LINKS = 100
LONGEST_SUBJECT, LONGEST_BODY, LONGEST_NAME = 200, 100_000, 300


class LookupQuery(BaseModel):
    rt_user_id: Text = Field(
        "",
        max_length=100,
        description="Another user of Request Tracker than the student’s, by name or number.",
        json_schema_extra={"example": "student1001"},
    )


class UserPath(BaseModel):
    username: Text = Field(
        description="Name, or number where nobody is called so.", max_length=200, json_schema_extra={"example": "student1001"}
    )


class HeldAsset(BaseModel):
    id: int = Field(examples=[12345])
    name: str = Field(examples=["W12-1001"])
    asset_tag: str = Field(description="The tag of the device that it is here; elsewhere its name.", examples=["W12-1001"])
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
    rt_user_id: str = Field(description="The name of the user whose assets these are.", examples=["student1001"])
    assets: list[HeldAsset] = Field(description="What the user holds or owns in Request Tracker.")

    @classmethod
    def of(cls, held: Held) -> dict[str, Any]:
        assets = [HeldAsset.of(asset, held.tags) for asset in held.assets]
        return {"student_id": held.student_id, "rt_user_id": held.user, "assets": assets}


class LookupBatch(BaseModel):
    model_config = ConfigDict(extra="ignore")
    student_ids: list[Identifier] = Field(min_length=1, max_length=MOST, examples=[["12345", "12346"]])


class LookupOrError(BaseModel):
    """Either the assets, or an error."""

    student_id: str = Field(examples=["12345"])
    rt_user_id: str | None = Field(None, examples=["student1001"])
    assets: list[HeldAsset] | None = None
    error: str | None = Field(None, description="Why nothing can be said of this student.", examples=[None])
    reason: str | None = Field(None, description="The same with what to do.", examples=[None])

    @classmethod
    def of(cls, student_id: str, result: Held | AppError) -> dict[str, Any]:
        if isinstance(result, AppError):
            return {"student_id": student_id, "error": result.message, "reason": told(result)}
        return StudentLookup.of(result)


class LookupResults(BaseModel):
    results: list[LookupOrError]


class UserRow(BaseModel):
    id: int = Field(examples=[37])
    username: str = Field(examples=["student1001"])
    real_name: str = Field(examples=["Grace Hopper"])
    email: str = Field(examples=["grace@example.org"])
    privileged: bool = Field(examples=[False])


def _needed(value: str) -> str:
    if not value.strip():
        raise ValueError("is required")
    return value.replace("\0", "\ufffd")


def _filled(longest: int) -> WithJsonSchema:
    """Text that is not blank, in the documentation."""
    return WithJsonSchema({"type": "string", "minLength": 1, "maxLength": longest, "pattern": r"\S"})


def _of_null(value: Any) -> Any:
    return "" if value is None else value


Subject = Annotated[str, Field(max_length=LONGEST_SUBJECT), AfterValidator(_needed), _filled(LONGEST_SUBJECT)]
Body = Annotated[str, Field(max_length=LONGEST_BODY), AfterValidator(_needed), _filled(LONGEST_BODY)]
Optional = Annotated[
    Identifier,
    Field(max_length=LONGEST_NAME),
    BeforeValidator(_of_null),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": LONGEST_NAME}, {"type": "integer"}, {"type": "null"}]}),
]
"""Text or a whole number, which may be missing or null."""


class TicketOrder(BaseModel):
    model_config = ConfigDict(extra="ignore")
    subject: Subject = Field(examples=["Broken screen"])
    body: Body = Field(examples=["It fell from a table."])
    queue: Optional = Field("", description="Without one that of RT_TICKET_QUEUE.", examples=["Device Repair"])
    student_id: Optional = Field("", description="Its user becomes the requestor, where Request Tracker has it.", examples=["12345"])
    device_id: AssetId | None = Field(None, description="The asset that the ticket is about.", examples=[12345])
    device_name: Optional = Field("", description="Is written below the text.", examples=["W12-1001"])
    asset_ids: list[AssetId] = Field(default_factory=list, max_length=MOST_LINKS, description="Further assets.", examples=[[12346]])


class MadeTicket(BaseModel):
    success: bool = Field(examples=[True])
    ticket_id: int = Field(examples=[501])
    ticket_url: str = Field(examples=["https://rt.example.org/Ticket/Display.html?id=501"])
    linked_assets: list[int] = Field(description="Assets to which Request Tracker has linked it.", examples=[[12345]])
    unlinked_assets: list[int] = Field(description="Assets to which it did not link it.", examples=[[12346]])
    warnings: list[str] = Field(
        description="What is not as it was wanted, a sentence each.",
        examples=[["Request Tracker did not link the ticket to asset #12346. Check the number."]],
    )


def _refused(message: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    body = {"success": False, "error": fields.get("reason") or message}
    return {**body, **{name: fields[name] for name in ("code", "field") if fields.get(name)}}


TICKET = ErrorShape(
    "TicketRefusal",
    {
        "title": "TicketRefusal",
        "type": "object",
        "required": ["success", "error"],
        "properties": {
            "success": {"type": "boolean", "enum": [False]},
            "error": {"type": "string", "description": "What is wrong and what to do, for a person to read."},
            "code": {"type": "string", "description": "The same for a program; it does not change."},
            "field": {"type": "string", "description": "The field that does not fit."},
        },
        "examples": [{"success": False, "error": "subject: is required", "code": "invalid", "field": "subject"}],
    },
    _refused,
)
