"""What the label routes take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from request_tracker_utils.asset_store.schemas import AssetId
from request_tracker_utils.asset_store.service import LARGEST_ID
from request_tracker_utils.labels.examination import Examination
from request_tracker_utils.labels.service import MOST_LABELS

MOST_COPIES = 20
MOST_SKIPPED = 500
"""More labels than any sheet has."""


class ChosenLabel(BaseModel):
    """`asset_id` (or `assetId`) or `assetName` says which asset; `size` is a format's name."""

    asset_id: AssetId | None = Field(None, description="The asset’s number.", json_schema_extra={"example": 12})
    assetId: AssetId | None = Field(None, description="The same by another name.", json_schema_extra={"example": 12})
    assetName: str | None = Field(
        None, min_length=1, max_length=500, description="The asset’s name, its tag.", json_schema_extra={"example": "W12-0012"}
    )
    size: str | None = Field(
        None,
        max_length=60,
        description="Name of a label format; without it that of the asset’s type or catalog.",
        json_schema_extra={"example": "large"},
    )

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if self.number is None and not self.assetName:
            raise ValueError("assetId or assetName is required")
        return self

    @property
    def number(self) -> int | None:
        return self.asset_id or self.assetId


class PrintLabel(ChosenLabel):
    autoprint: bool = False


def _divided(value: Any) -> Any:
    """A form sends a tick as a field, and a long list as one field with commas."""
    if not isinstance(value, list):
        return value
    pieces = [piece for each in value for piece in (each.split(",") if isinstance(each, str) else [each])]
    if len(pieces) > MOST_LABELS:
        raise ValueError(f"These are {len(pieces):,}; at most {MOST_LABELS:,} labels are printed at once. Divide them into several prints.")
    return pieces


class BatchLabels(BaseModel):
    """`asset_ids`, in the order in which they are to print, or a `query` in the directory's language, of which the assets `beyond` a
    number are printed. `total` is how many labels are expected then, where somebody has counted.

    `preview` shows the first labels, and nothing counts as printed.
    """

    asset_ids: Annotated[list[AssetId], BeforeValidator(_divided)] | None = None
    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)] | None = None
    beyond: int = Field(0, ge=0, le=LARGEST_ID)
    total: int | None = Field(None, ge=1, le=MOST_LABELS)
    size: str | None = Field(None, max_length=60)
    copies: int = Field(1, ge=1, le=MOST_COPIES)
    skip: int = Field(0, ge=0, le=MOST_SKIPPED)
    autoprint: bool = False
    preview: bool = False

    @model_validator(mode="after")
    def _names_some(self) -> Self:
        if not self.asset_ids and not self.query:
            raise ValueError("Tick at least one asset, or send asset_ids or a query.")
        return self


Pair = tuple[float, float]
Rectangle = tuple[float, float, float, float]
_RECTANGLE = "x, y, width and height on the label, in millimetres."


class TextExamined(BaseModel):
    """One line of the label."""

    model_config = ConfigDict(from_attributes=True)

    field: str = Field(examples=["serial"])
    source: str = Field(description="Where the text comes from.", examples=["Custom field “Serial Number” (RT_SERIAL_FIELD)"])
    value: str = Field(description="What the directory holds.", examples=["5CD0000012"])
    printed: str = Field(description="What the label says.", examples=["S/N 5CD0000012"])
    state: Literal["whole", "shrunk", "cut", "empty", "refused"] = Field(examples=["whole"])
    reason: str = Field(description="Why it is not printed whole and as large as the format allows.", examples=[""])
    size: float | None = Field(description="Of the font, in points.", examples=[14])
    width_mm: float = Field(examples=[33.1])
    box_mm: Rectangle = Field(description=_RECTANGLE, examples=[[7.3, 28.2, 86, 6.2]])


class CodeExamined(BaseModel):
    """One code of the label."""

    model_config = ConfigDict(from_attributes=True)

    kind: Literal["qr", "barcode"] = Field(examples=["barcode"])
    text: str = Field(description="What a scanner reads.", examples=["W12-0012"])
    state: Literal["drawn", "left out", "refused"] = Field(
        description="Where it is left out, the label prints without it; where it is refused, the label does not print.", examples=["drawn"]
    )
    reason: str = Field(description="Why it is not drawn.", examples=[""])
    modules: int | None = Field(description="Across, without the quiet zone.", examples=[112])
    dots: int | None = Field(description="Dots of the printer that a module takes.", examples=[5])
    module_mm: float | None = Field(examples=[0.423])
    size_mm: Pair | None = Field(description="Width and height without the quiet zone.", examples=[[47.41, 16.76]])
    quiet_mm: Pair | None = Field(description="What is empty before and after it.", examples=[[4.23, 19.64]])
    quiet_needed_mm: float | None = Field(examples=[4.23])
    box_mm: Rectangle = Field(description=_RECTANGLE, examples=[[3.05, 41.4, 71.3, 16.8]])


class LabelExamined(BaseModel):
    """Why a label looks as it does."""

    model_config = ConfigDict(from_attributes=True)

    asset_id: int = Field(examples=[12])
    format: str = Field(examples=["large"])
    title: str = Field(examples=["Large, 100 × 62 mm (DK-11202)"])
    prints: bool = Field(description="Whether the label can be printed so.", examples=[True])
    fits: list[str] = Field(description="Names of all formats that print this label.", examples=[["large", "small"]])
    dpi: int = Field(description="Dots per inch for which the codes are drawn.", examples=[300])
    label_mm: Pair = Field(description="Width and height.", examples=[[100, 62]])
    page_mm: Pair = Field(description="Width and height of what the printer takes: a sheet, or one label.", examples=[[100, 62]])
    printable_mm: Rectangle = Field(description=_RECTANGLE, examples=[[3.05, 1.55, 93.9, 58.9]])
    labels_on_page: int = Field(examples=[1])
    texts: list[TextExamined]
    codes: list[CodeExamined]

    @classmethod
    def of(cls, examined: Examination, fits: list[str]) -> Self:
        return cls.model_validate({**vars(examined), "prints": examined.prints, "fits": fits}, from_attributes=True)


class LabelPath(BaseModel):
    asset_id: int = Field(ge=1, le=LARGEST_ID, description="The asset’s number in the directory.", json_schema_extra={"example": 12345})


class LabelledAssetFacts(BaseModel):
    """An asset, and what became of its label."""

    asset_id: int = Field(examples=[12345])
    name: str = Field(description="What the directory calls it: its tag, as a rule.", examples=["W12-1025"])
    serial: str = Field(examples=["5CD2198XKL"])
    model: str = Field(examples=["Chromebook 3100"])
    manufacturer: str = Field(examples=["Dell"])
    catalog: str = Field(examples=["Chromebooks"])
    holder: str = Field(description="Empty when nobody has it.", examples=["student1001"])
    printed_at: datetime | None = Field(description="Of its newest label.", examples=["2026-03-02T08:00:00+00:00"])
    printed_by: str | None = Field(description="Empty for a label that was not printed here.", examples=["ada"])
    scanned_at: datetime | None = Field(description="Since that label was printed.", examples=["2026-03-02T09:30:00+00:00"])
    scanned_by: str | None = Field(examples=["ada"])
