"""Settings of workdays and of the CRM that gets them."""

from datetime import time

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from request_tracker_utils.core.settings.types import EmailAddresses, ExactAddress, TimeOfDay, Token


class WorkdaySettings(BaseModel):
    """Each field is the environment variable with the same name in capitals; its description is its documentation."""

    workday_begins: TimeOfDay = Field(
        time(4), description="Time at which a workday begins where the terminal is: earlier punches belong to the day before."
    )
    work_start_time: TimeOfDay = Field(time(8), description="When work begins where no schedule applies. Outliers are measured from it.")
    work_end_time: TimeOfDay = Field(time(18), description="When work ends where no schedule applies. Before the start: on the next day.")
    punch_repeat_seconds: int = Field(120, ge=0, le=3600, description="Seconds within which only the first of several punches counts.")
    workdays_join_terminals: bool = Field(
        True, description="Whether the punches of a person at several terminals are one workday, where the person is known."
    )
    outlier_email_notifications: bool = Field(False, description="Whether new outliers are sent by email, one message for each run.")
    outlier_email_recipients: EmailAddresses = Field(
        (), description="Email addresses that get the outliers, separated by commas. If not set: all administrators."
    )
    crm_allow_http: bool = Field(
        False, description="Whether `CRM_API_URL` may begin with `http://`. The token and the workdays can then be read on the network."
    )
    crm_api_url: ExactAddress | None = Field(
        None, description="Address to which workdays are sent, exactly as the CRM names it, with or without a last slash: `https://…`."
    )
    crm_api_token: Token | None = Field(None, description="Token for the CRM (`Authorization: Token …`). Required with `CRM_API_URL`.")
    crm_sync_batch_size: int = Field(100, ge=1, le=1000, description="Workdays that are claimed at once to send them to the CRM.")
    crm_request_timeout: float = Field(30, ge=1, le=120, description="Seconds until a request to the CRM ends, complete response included.")
    crm_max_retries: int = Field(
        3,
        ge=1,
        le=10,
        description="Attempts to send a workday to the CRM in one run. Those that fail are sent again every six hours.",
    )

    @field_validator("work_end_time")
    @classmethod
    def _ends_at_another_time(cls, value: time, info: ValidationInfo) -> time:
        if value == info.data.get("work_start_time"):
            raise ValueError("must differ from WORK_START_TIME")
        return value

    @field_validator("crm_api_url")
    @classmethod
    def _is_encrypted(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and value.lower().startswith("http://") and not info.data.get("crm_allow_http"):
            raise ValueError("must start with https://, unless CRM_ALLOW_HTTP is set")
        return value
