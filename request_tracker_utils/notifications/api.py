"""Calls of providers of messages, which report deliveries."""

from collections.abc import Callable

import structlog
from flask import request
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import AppError, NotFound
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.notifications import reports
from request_tracker_utils.notifications.callbacks import CALLBACKS, Call, NotGenuine, NotSetUp
from request_tracker_utils.notifications.current import messenger
from request_tracker_utils.web.auth import public
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.registry import registry
from request_tracker_utils.web.threads import Reserved

log = structlog.get_logger(__name__)

api = APIBlueprint(
    "delivery_reports",
    __name__,
    url_prefix="/webhooks",
    abp_tags=[Tag(name="delivery reports", description="Called by providers of email and SMS when a message has arrived or not.")],
    abp_security=[],
)


class ReportsReceived(BaseModel):
    """How many of the reports were new. Repetitions change nothing."""

    received: int = Field(examples=[1])


class SignatureInvalid(AppError):
    """The signature is missing or wrong, or the call is too old."""

    status, code = 403, "signature_invalid"


class NoWebhook(NotFound):
    """This provider is not set up. The log says which setting is missing."""

    code = "no_webhook"


def _before_body(provider: str) -> Callable[[], None]:
    """Strangers without a signature of this minute send no body, and learn neither what is missing nor what is wrong."""

    def check() -> None:
        callback = CALLBACKS[provider]
        request.max_content_length = callback.max_size
        try:
            callback.check_headers(_headers(), registry().page_settings.current(), utc_now())
        except NotSetUp as error:
            log.warning("a provider reports deliveries, but a setting is missing", provider=provider, setting=str(error))
            raise NoWebhook(_("There is nothing here.")) from None
        except NotGenuine as error:
            raise _refused(provider, error) from None

    return check


def _provider_calls(provider: str) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    return public("signed by the provider", csrf=False, reserved=Reserved.REPORT, before_body=_before_body(provider))


@api.post("/resend", responses={200: ReportsReceived})
@_provider_calls("resend")
@may_raise(SignatureInvalid, NoWebhook)
def resend() -> Answer:
    """Receive delivery reports from Resend.

    The body is an event of Resend with its signature. Reports can be repeated and come in any order.
    """
    return _receive("resend")


@api.post("/sendgrid", responses={200: ReportsReceived})
@_provider_calls("sendgrid")
@may_raise(SignatureInvalid, NoWebhook)
def sendgrid() -> Answer:
    """Receive delivery reports from SendGrid.

    The body is an array of events of SendGrid, signed with the key that belongs to SENDGRID_WEBHOOK_KEY.
    """
    return _receive("sendgrid")


@api.post("/twilio", responses={200: ReportsReceived})
@_provider_calls("twilio")
@may_raise(SignatureInvalid, NoWebhook)
def twilio() -> Answer:
    """Receive delivery reports, and STOP and START replies, from Twilio.

    The body is a form of Twilio, signed with TWILIO_AUTH_TOKEN for the address that begins with APP_URL.
    """
    return _receive("twilio")


def _receive(provider: str) -> Answer:
    call = Call(_headers(), request.get_data())
    try:
        found = CALLBACKS[provider].reports(call, registry().page_settings.current())
    except NotGenuine as error:
        raise _refused(provider, error) from None
    except NotSetUp:  # removed at this moment
        raise NoWebhook(_("There is nothing here.")) from None
    if not found:
        return ReportsReceived(received=0).model_dump()
    with transaction() as session:
        received = reports.receive(session, found, messenger(), now=utc_now())
    return ReportsReceived(received=received).model_dump()


def _headers() -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _refused(provider: str, error: NotGenuine) -> SignatureInvalid:
    log.info("a report of a delivery was refused", provider=provider, reason=str(error))
    return SignatureInvalid(_("The signature is missing, wrong or too old."))
