"""Settings of cable tickets, stock and optics."""

from pydantic import BaseModel, Field

from request_tracker_utils.core.settings.types import EmailAddresses, Names


class TicketSettings(BaseModel):
    """Each field is the environment variable with the same name in capitals; its description is its documentation."""

    reorder_alerts: EmailAddresses = Field(
        (),
        description="Email addresses that get a message when cable has to be reordered, separated by commas. If not set: all "
        "administrators.",
    )
    default_approvers: Names = Field(
        (),
        description="Names of the accounts that are asked to approve cable tickets for which nobody was chosen, separated by commas. The "
        "first of them decides. If not set, or if none of them can sign in: all administrators.",
    )
    approval_link_days: int = Field(14, ge=1, le=90, description="Days until links to approve or reject a cable ticket expire.")
    approval_remind_hours: int = Field(
        24,
        ge=1,
        le=24 * 30,
        description="Hours until approvers are reminded of a cable ticket. After as many more hours, it also goes to DEFAULT_APPROVERS.",
    )
    approve_by_get: bool = Field(
        False,
        description="Whether opening the link in a message approves a cable ticket, without a button. Programs that scan mail "
        "open links too, so that tickets may be approved before anybody has read them.",
    )
    optics_alert_emails: EmailAddresses = Field(
        (),
        description="Email addresses that get a message when somebody requests optics, separated by commas. If not set: all "
        "administrators.",
    )
