"""Settings of providers that administrators may enter on a page.

Addresses of APIs are not among them: a person who enters one would receive the key.
"""

from request_tracker_utils.core.page_settings import SettingsGroup
from request_tracker_utils.core.translation import gettext_noop

EMAIL_SETTINGS = SettingsGroup(
    "email",
    gettext_noop("Email"),
    {
        "sendgrid_from_email": gettext_noop("Sender of every email"),
        "resend_api_key": gettext_noop("Resend: API key"),
        "resend_webhook_secret": gettext_noop("Resend: signing secret of the webhook"),
        "sendgrid_api_key": gettext_noop("SendGrid: API key"),
        "sendgrid_webhook_key": gettext_noop("SendGrid: verification key of the webhook"),
        "smtp_host": gettext_noop("SMTP: server"),
        "smtp_port": gettext_noop("SMTP: port"),
        "smtp_tls": gettext_noop("SMTP: encryption"),
        "smtp_user": gettext_noop("SMTP: user"),
        "smtp_password": gettext_noop("SMTP: password"),
        "smtp_from": gettext_noop("SMTP: another sender"),
    },
    help=gettext_noop(
        "Emails go through the first of these that is set up: Resend, SendGrid, the SMTP server. If it refuses them or cannot be reached, "
        "they go through the next."
    ),
    order=10,
    sent_to={"smtp_password": ("smtp_host", "smtp_port", "smtp_tls")},
)
SMS_SETTINGS = SettingsGroup(
    "sms",
    gettext_noop("SMS"),
    {
        "twilio_account_sid": gettext_noop("Twilio: account SID"),
        "twilio_auth_token": gettext_noop("Twilio: auth token"),
        "twilio_phone_number": gettext_noop("Twilio: sender"),
    },
    help=gettext_noop("Twilio sends SMS, and reports whether they have arrived if APP_URL begins with https://."),
    order=20,
)
CHAT_SETTINGS = SettingsGroup(
    "chat",
    gettext_noop("Chat"),
    {"notify_urls": gettext_noop("Chat channels of the office")},
    help=gettext_noop("People enter addresses of their own under Notifications."),
    order=30,
)

GROUPS = [EMAIL_SETTINGS, SMS_SETTINGS, CHAT_SETTINGS]
