"""Settings of assets: Request Tracker, devices, tags, labels."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, FilePath

from request_tracker_utils.core.settings.types import Address, CustomField, Names, Prefix, StudentUser, Token

FIELD_SETTINGS = (
    "rt_serial_field",
    "rt_model_field",
    "rt_manufacturer_field",
    "rt_internal_name_field",
    "rt_category_field",
    "rt_funding_field",
)
"""The settings that name custom fields of assets. Each must name a different field."""


class AssetSettings(BaseModel):
    """Each field is the environment variable with the same name in capitals; its description is its documentation."""

    rt_url: Address | None = Field(
        None, description="Address of Request Tracker. If not set, assets are stored in this program's own database."
    )
    rt_token: Token | None = Field(None, description="Request Tracker token for this program.")
    api_endpoint: str = Field("/REST/2.0", pattern=r"^/[\w./-]*$", description="Path of Request Tracker's REST 2.0 API.")
    rt_timeout: float = Field(20, gt=0, le=60, description="Seconds to wait for an answer from Request Tracker.")
    rt_privileged_role: Literal["admin", "staff", "teacher", "student", "user"] | None = Field(
        None,
        description="Role of callers with a Request Tracker token who are privileged users there and have no linked account. "
        "If not set, they are denied access.",
    )
    rt_ca_bundle: FilePath | None = Field(
        None, description="File with the certificate authority that signed Request Tracker's certificate."
    )
    rt_catalog: str = Field("General assets", min_length=1, description="Default catalog of new assets.")
    rt_serial_field: CustomField = Field("Serial Number", min_length=1, description="Custom field for the serial number.")
    rt_model_field: CustomField = Field("Model", min_length=1, description="Custom field for the model.")
    rt_asset_status: str = Field("", description="Status of new assets. If not set, the initial status of Request Tracker’s lifecycle.")
    rt_manufacturer_field: CustomField = Field("Manufacturer", min_length=1, description="Custom field for the manufacturer.")
    rt_internal_name_field: CustomField = Field("Internal Name", min_length=1, description="Custom field for the internal name.")
    rt_category_field: CustomField = Field("Category", min_length=1, description="Custom field for the category.")
    rt_funding_field: CustomField = Field("Funding Source", min_length=1, description="Custom field for the funding source.")
    rt_student_user: StudentUser = Field(
        "{student_id}",
        description="Default name of a student’s Request Tracker user, with `{student_id}` or `{email}`.",
    )
    rt_ticket_queue: str = Field("General", min_length=1, description="Default queue of tickets about devices.")
    device_catalogs: Names = Field(
        (),
        description="Catalogs whose assets can be assigned to students, separated by commas. If not set, the catalogs of the devices "
        "that exist, or all catalogs if there are none.",
    )
    device_accessories: Names = Field(
        ("charger", "case"), description="Accessories that are assigned with devices and checked on return, separated by commas."
    )
    prefix: Prefix = Field("W12-", description="Prefix of every tag; a number of at least four digits follows.")
    asset_tag_sequence_file: Path | None = Field(
        None, description="Sequence file of a legacy installation. Its number is imported before the first tag is assigned."
    )
    asset_tag_confirmations_log: Path | None = Field(
        None,
        description="Tag log of a legacy installation, imported once. If not set: `asset_tag_confirmations.log` "
        "beside `ASSET_TAG_SEQUENCE_FILE`, if it exists.",
    )
    webhook_token: Token | None = Field(
        None, min_length=16, description="Secret of the webhook. If not set, one is generated and stored in the database."
    )
    webhook_max_age_hours: int = Field(
        24,
        ge=1,
        le=8_760,
        description="Hours for which an asset is new. If the webhook is called for an older one, the asset is not renamed but listed under "
        "*Differences*.",
    )
    webhook_tags_per_minute: int = Field(
        300,
        ge=1,
        le=100_000,
        description="Tags that the webhook may assign in a minute before the health check warns. It never refuses a call.",
    )
    label_format: str = Field("large", description="Default label format, for assets without a format for their type or catalog.")
    label_formats_file: FilePath | None = Field(
        None, description="TOML file with additional label formats. `request_tracker_utils/labels/formats.toml` explains every key."
    )
    label_template_path: FilePath | None = Field(
        None, description="Jinja template for the contents of labels. See `contrib/labels/label.html` for an example."
    )
