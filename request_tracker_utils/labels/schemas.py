"""Requests and responses of the label routes."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from request_tracker_utils.asset_store.schemas import AssetId
from request_tracker_utils.asset_store.service import LARGEST_ID
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels.inspection import LabelInspection
from request_tracker_utils.labels.service import MAX_COPIES, MAX_LABELS, MAX_SKIP


class LabelQuery(BaseModel):
    """`asset_id` (or `assetId`) or `assetName` identifies the asset; `size` is the name of a format."""

    asset_id: AssetId | None = Field(None, description="ID of the asset.", json_schema_extra={"example": 12})
    assetId: AssetId | None = Field(None, description="Alias of `asset_id`.", json_schema_extra={"example": 12})
    assetName: str | None = Field(
        None, min_length=1, max_length=500, description="Name of the asset, which is its tag.", json_schema_extra={"example": "W12-0012"}
    )
    size: str | None = Field(
        None,
        max_length=60,
        description="Name of a label format. Default: the format of the asset’s type or catalog.",
        json_schema_extra={"example": "large"},
    )

    @model_validator(mode="after")
    def _identifies_asset(self) -> Self:
        if self.requested_id is None and not self.assetName:
            raise ValueError("assetId or assetName is required")
        return self

    @property
    def requested_id(self) -> int | None:
        return self.asset_id or self.assetId


class PrintLabelQuery(LabelQuery):
    autoprint: bool = False


def _split_ids(value: Any) -> Any:
    """Forms send each checked asset as a separate field, and long lists as one comma-separated field."""
    if not isinstance(value, list):
        return value
    ids = [part for item in value for part in (item.split(",") if isinstance(item, str) else [item])]
    if len(ids) > MAX_LABELS:
        message = _(
            "You sent %(count)s assets, and at most %(maximum)s labels can be printed at once. Print them in several batches.",
            count=f"{len(ids):,}",
            maximum=f"{MAX_LABELS:,}",
        )
        raise ValueError(message)
    return ids


class BatchRequest(BaseModel):
    """`asset_ids`, in the order in which to print them, or a `query` in the query language of the asset store, optionally limited to assets
    with an ID above `beyond`. `total` is the expected number of labels of a query, if known.

    A `preview` shows the first labels and does not count as printed.
    """

    asset_ids: Annotated[list[AssetId], BeforeValidator(_split_ids)] | None = None
    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)] | None = None
    beyond: int = Field(0, ge=0, le=LARGEST_ID)
    total: int | None = Field(None, ge=1, le=MAX_LABELS)
    size: str | None = Field(None, max_length=60)
    copies: int = Field(1, ge=1, le=MAX_COPIES)
    skip: int = Field(0, ge=0, le=MAX_SKIP)
    autoprint: bool = False
    preview: bool = False

    @model_validator(mode="after")
    def _selects_assets(self) -> Self:
        if not self.asset_ids and not self.query:
            raise ValueError(_("Select at least one asset, or send asset_ids or a query."))
        return self


Pair = tuple[float, float]
Rectangle = tuple[float, float, float, float]
_RECTANGLE = "x, y, width and height on the label, in millimeters."


class InspectedText(BaseModel):
    """One line of text."""

    model_config = ConfigDict(from_attributes=True)

    field: str = Field(examples=["serial"])
    source: str = Field(description="Source of the value.", examples=["Custom field “Serial Number” (RT_SERIAL_FIELD)"])
    value: str = Field(description="The asset’s value.", examples=["5CD0000012"])
    printed: str = Field(description="The text on the label.", examples=["S/N 5CD0000012"])
    state: Literal["whole", "shrunk", "cut", "empty", "refused"] = Field(
        description=(
            "`whole`: printed at the largest size; `shrunk`: printed smaller to fit; `cut`: truncated with an ellipsis; `empty`: no value; "
            "`refused`: the label cannot be printed."
        ),
        examples=["whole"],
    )
    reason: str = Field(description="Why the text is not printed in full at the largest size.", examples=[""])
    size: float | None = Field(description="Font size in points.", examples=[14])
    width_mm: float = Field(examples=[33.1])
    box_mm: Rectangle = Field(description=_RECTANGLE, examples=[[7.3, 28.2, 86, 6.2]])


class InspectedCode(BaseModel):
    """One QR code or barcode."""

    model_config = ConfigDict(from_attributes=True)

    kind: Literal["qr", "barcode"] = Field(examples=["barcode"])
    text: str = Field(description="The encoded text.", examples=["W12-0012"])
    state: Literal["drawn", "left out", "refused"] = Field(
        description="`left out`: the label is printed without the code; `refused`: the label cannot be printed.", examples=["drawn"]
    )
    reason: str = Field(description="Why the code is not drawn.", examples=[""])
    modules: int | None = Field(description="Modules across, without the quiet zone.", examples=[112])
    dots: int | None = Field(description="Printer dots per module.", examples=[5])
    module_mm: float | None = Field(examples=[0.423])
    size_mm: Pair | None = Field(description="Width and height without the quiet zone.", examples=[[47.41, 16.76]])
    quiet_mm: Pair | None = Field(description="Empty space before and after the code.", examples=[[4.23, 19.64]])
    quiet_needed_mm: float | None = Field(examples=[4.23])
    box_mm: Rectangle = Field(description=_RECTANGLE, examples=[[3.05, 41.4, 71.3, 16.8]])


class InspectedLabel(BaseModel):
    """How a label was laid out, and why."""

    model_config = ConfigDict(from_attributes=True)

    asset_id: int = Field(examples=[12])
    format: str = Field(examples=["large"])
    title: str = Field(examples=["Large, 100 × 62 mm (DK-11202)"])
    prints: bool = Field(description="Whether the label can be printed in this format.", examples=[True])
    fits: list[str] = Field(description="Names of all formats that can print this label.", examples=[["large", "small"]])
    dpi: int = Field(description="Printer resolution for which the codes are drawn, in dots per inch.", examples=[300])
    label_mm: Pair = Field(description="Width and height.", examples=[[100, 62]])
    page_mm: Pair = Field(description="Width and height of the page: a sheet, or one label.", examples=[[100, 62]])
    printable_mm: Rectangle = Field(description=_RECTANGLE, examples=[[3.05, 1.55, 93.9, 58.9]])
    labels_on_page: int = Field(examples=[1])
    texts: list[InspectedText]
    codes: list[InspectedCode]

    @classmethod
    def of(cls, inspection: LabelInspection, fits: list[str]) -> Self:
        return cls.model_validate({**vars(inspection), "prints": inspection.prints, "fits": fits}, from_attributes=True)


class LabelPath(BaseModel):
    asset_id: int = Field(ge=1, le=LARGEST_ID, description="ID of the asset.", json_schema_extra={"example": 12345})


class AssetLabel(BaseModel):
    """An asset, and when its label was printed and scanned."""

    asset_id: int = Field(examples=[12345])
    name: str = Field(description="Name of the asset, which is usually its tag.", examples=["W12-1025"])
    serial: str = Field(examples=["5CD2198XKL"])
    model: str = Field(examples=["Chromebook 3100"])
    manufacturer: str = Field(examples=["Dell"])
    catalog: str = Field(examples=["Chromebooks"])
    holder: str = Field(description="Empty if the asset is not assigned.", examples=["student1001"])
    printed_at: datetime | None = Field(description="When the newest label was printed.", examples=["2026-03-02T08:00:00+00:00"])
    printed_by: str | None = Field(description="Empty for a label that was not printed here.", examples=["ada"])
    scanned_at: datetime | None = Field(description="When that label was last scanned.", examples=["2026-03-02T09:30:00+00:00"])
    scanned_by: str | None = Field(examples=["ada"])
