"""Settings of messages: providers of email, SMS and chat, and how many are sent."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr

from request_tracker_utils.core.settings.types import Address, Host, PublicKey, Sender, Token, WebhookSecret


class MessageSettings(BaseModel):
    """Each field is the environment variable with the same name in capitals; its description is its documentation."""

    resend_api_key: Token | None = Field(None, description="API key of Resend, the first provider for email.")
    resend_api_url: Address | None = Field(None, description="Address of Resend's API, if not the default of its library.")
    sendgrid_api_key: Token | None = Field(None, description="API key of SendGrid, the second provider for email.")
    sendgrid_api_url: Address | None = Field(
        None, description="Address of SendGrid's API, if not the default of its library; for accounts in the EU."
    )
    sendgrid_from_email: Sender | None = Field(
        None, description="Sender of every email, through any provider: `tickets@example.org` or `Tickets <tickets@example.org>`."
    )
    smtp_host: Host | None = Field(None, description="SMTP server, the third provider for email.")
    smtp_port: int | None = Field(None, ge=1, le=65535, description="Its port. If not set: 587 (`starttls`), 465 (`tls`) or 25 (`none`).")
    smtp_user: str | None = Field(None, pattern=r"^[^\x00-\x1f]+$", description="User name at the SMTP server, if it needs one.")
    smtp_password: SecretStr | None = Field(None, description="Password at the SMTP server.")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="Encryption of the connection to the SMTP server. With `starttls`, nothing is sent if the server does not offer it.",
    )
    smtp_from: Sender | None = Field(None, description="Sender of emails through the SMTP server, if not SENDGRID_FROM_EMAIL.")
    twilio_account_sid: Annotated[str, Field(pattern=r"^AC[0-9A-Za-z]{32}$")] | None = Field(
        None, description="Account SID of Twilio, the provider for SMS."
    )
    twilio_auth_token: Token | None = Field(None, description="Auth token of Twilio.")
    twilio_phone_number: Annotated[str, Field(pattern=r"^(\+[1-9][0-9]{6,14}|MG[0-9A-Za-z]{32})$")] | None = Field(
        None, description="Sender of every SMS: a number with its country code, `+12025550100`, or a messaging service, `MG…`."
    )
    twilio_api_url: Address | None = Field(
        None, description="Address of Twilio's API, if not the default of its library; for other regions."
    )
    notify_urls: SecretStr | None = Field(
        None,
        description="Addresses of the office's chat channels, in the form of Apprise, separated by spaces: `slack://…`, `workflows://…` "
        "(Teams), `ntfys://…`, `discord://…`, `mmosts://…`, `gchat://…`, `sns://…`, `jsons://…`.",
    )
    notify_private_addresses: bool = Field(
        False, description="Whether chat addresses that people enter for themselves may lead to this machine and to private networks."
    )
    resend_webhook_secret: WebhookSecret | None = Field(
        None, description="Signing secret of the webhook at Resend that calls `APP_URL/webhooks/resend`, `whsec_…`."
    )
    sendgrid_webhook_key: PublicKey | None = Field(
        None, description="Verification key of the signed event webhook at SendGrid that calls `APP_URL/webhooks/sendgrid`."
    )
    notification_days: int = Field(180, ge=7, le=3650, description="Days until messages to people are deleted.")
    notifications_per_recipient: int = Field(
        100, ge=1, le=1_000_000, description="Messages that one email address, phone or person may receive in 24 hours on one channel."
    )
    notifications_per_sender: int = Field(2_000, ge=1, le=1_000_000, description="Messages that what one person does may send in 24 hours.")
    notifications_per_day: int = Field(
        20_000, ge=1, le=10_000_000, description="Emails that are sent in 24 hours, and as many chat messages. The others fail and say why."
    )
    sms_per_day: int = Field(
        500, ge=1, le=1_000_000, description="SMS that are sent in 24 hours. Each may cost twice the price of a segment."
    )
