"""Calls of providers: genuine or not, and what they say."""

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.settings import Settings, SettingsError, load_settings
from request_tracker_utils.notifications.callbacks import CALLBACKS, MAX_DETAIL, MAX_ID, Call, NotGenuine, NotSetUp, callback_address
from request_tracker_utils.notifications.models import DeliveryOutcome
from tests.services.callbacks import (
    APP_URL,
    RESEND_SECRET,
    SETTINGS,
    Signed,
    by_resend,
    by_sendgrid,
    by_twilio,
    public_key,
    resend_event,
    sendgrid_event,
    twilio_answer,
    twilio_status,
)
from tests.services.tables import check_all

DELIVERED, STATUS = resend_event("delivered", "m1"), twilio_status("delivered", "SM1")
EVENTS = [sendgrid_event("delivered", "m1", "e1")]
SENT, ARRIVED, FAILED = DeliveryOutcome.SENT, DeliveryOutcome.DELIVERED, DeliveryOutcome.FAILED
BOUNCED, COMPLAINED, UNSUBSCRIBED = DeliveryOutcome.BOUNCED, DeliveryOutcome.COMPLAINED, DeliveryOutcome.UNSUBSCRIBED
STOPPED, RESUMED = DeliveryOutcome.STOPPED, DeliveryOutcome.RESUMED


def settings(**changes: str | None) -> Settings:
    given = {name.upper(): value for name, value in {**SETTINGS, **changes}.items() if value is not None}
    return load_settings(given)


def read(provider: str, signed: Signed, **changes: str | None) -> list[tuple[str, str, str]]:
    """Outcome, message or address, and detail of each report."""
    callback, (body, headers), current = CALLBACKS[provider], signed, settings(**changes)
    named = {name.lower(): value for name, value in headers.items()}
    callback.check_headers(named, current, utc_now())
    return [(each.outcome, each.message_id or each.address, each.detail) for each in callback.reports(Call(named, body), current)]


def with_headers(signed: Signed, **headers: str) -> Signed:
    changed = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return signed[0], {**{name.lower(): value for name, value in signed[1].items()}, **changed}


def without(signed: Signed, name: str) -> Signed:
    return signed[0], {each: value for each, value in signed[1].items() if each != name}


def test_a_call_that_is_not_the_providers_is_refused() -> None:
    resend, sendgrid, twilio = by_resend(DELIVERED), by_sendgrid(EVENTS), by_twilio(STATUS)
    signature, at = "x_twilio_email_event_webhook_signature", "x_twilio_email_event_webhook_timestamp"
    day, minutes = timedelta(days=1, hours=2).total_seconds(), 600

    def is_refused(provider: str, _why: str, signed: Signed) -> None:
        with pytest.raises(NotGenuine):
            read(provider, signed)

    other = generate_private_key(SECP256R1())
    rows = [
        *(("resend", f"no {name}", without(resend, name)) for name in ("svix-id", "svix-timestamp", "svix-signature")),
        ("resend", "another secret", by_resend(DELIVERED, secret="whsec_" + base64.b64encode(b"another secret!!").decode())),
        ("resend", "the secret of nobody", by_resend(DELIVERED, secret="whsec_")),
        ("resend", "another body", (resend[0] + b" ", resend[1])),
        ("resend", "another id", with_headers(resend, svix_id="msg_2")),
        ("resend", "an empty signature", with_headers(resend, svix_signature="v1,")),
        ("resend", "letters outside ASCII", with_headers(resend, svix_signature="v1,é")),
        ("resend", "old", by_resend(DELIVERED, age=minutes)),
        ("resend", "from the future", by_resend(DELIVERED, age=-minutes)),
        ("resend", "a time in words", with_headers(resend, svix_timestamp="now")),
        ("resend", "a time with a sign", with_headers(resend, svix_timestamp="+" + resend[1]["svix-timestamp"])),
        ("resend", "not UTF-8", by_resend(b'{"type": "\xff"}')),
        ("resend", "not JSON", by_resend(b"<html>")),
        ("resend", "nested too deeply", by_resend(b"[" * 100_000)),
        ("resend", "empty", by_resend(b"")),
        *(("sendgrid", f"no {name}", without(sendgrid, name)) for name in sendgrid[1] if name.startswith("X-")),
        ("sendgrid", "another key", by_sendgrid(EVENTS, key=other)),
        ("sendgrid", "another body", (sendgrid[0] + b" ", sendgrid[1])),
        ("sendgrid", "another time", with_headers(sendgrid, **{at: str(int(utc_now().timestamp()) - 60)})),
        ("sendgrid", "not Base64", with_headers(sendgrid, **{signature: "x"})),
        ("sendgrid", "letters outside ASCII", with_headers(sendgrid, **{signature: "é"})),
        ("sendgrid", "no signature inside", with_headers(sendgrid, **{signature: "AAAA"})),
        ("sendgrid", "old", by_sendgrid(EVENTS, age=day)),
        ("sendgrid", "from the future", by_sendgrid(EVENTS, age=-minutes)),
        ("sendgrid", "digits of another script", with_headers(sendgrid, **{at: "١٧٧٠٠٩١٥٠٦"})),
        ("sendgrid", "not UTF-8", by_sendgrid(b'[{"event": "\xff"}]')),
        ("sendgrid", "not JSON", by_sendgrid(b"<html>")),
        ("sendgrid", "nested too deeply", by_sendgrid(b"[" * 100_000)),
        ("twilio", "no signature", without(twilio, "X-Twilio-Signature")),
        ("twilio", "another token", by_twilio(STATUS, token="another-token")),
        ("twilio", "another address", by_twilio(STATUS, address="https://elsewhere.example.org/webhooks/twilio")),
        ("twilio", "another form", (twilio[0].replace(b"delivered", b"undelivered"), twilio[1])),
        ("twilio", "a second value", (twilio[0] + b"&MessageStatus=failed", twilio[1])),
        ("twilio", "an unknown algorithm", with_headers(twilio, x_twilio_webhooks_signature_settings="algorithm=NONE")),
        ("twilio", "thousands of fields", (b"&".join(b"a%d=1" % n for n in range(5000)), twilio[1])),
        ("twilio", "not UTF-8", (b"\xff", twilio[1])),
        ("twilio", "JSON", (json.dumps(STATUS).encode(), twilio[1])),
    ]
    check_all(rows, is_refused)


def test_genuine_calls_are_read() -> None:
    assert read("resend", by_resend(DELIVERED)) == [(ARRIVED, "m1", "")]
    assert read("sendgrid", by_sendgrid(EVENTS)) == [(ARRIVED, "m1", "")]
    assert read("sendgrid", by_sendgrid(EVENTS, age=timedelta(hours=23).total_seconds())) == [(ARRIVED, "m1", "")]  # their last try
    assert read("twilio", by_twilio(STATUS)) == [(ARRIVED, "SM1", "")]
    two = by_resend(DELIVERED)  # while Resend changes its secret, it signs with both
    assert read("resend", with_headers(two, svix_signature="v1,AAAA " + two[1]["svix-signature"])) == [(ARRIVED, "m1", "")]
    assert read("twilio", by_twilio(STATUS, address=f"{APP_URL}:443/webhooks/twilio")) == [(ARRIVED, "SM1", "")]


def test_without_its_setting_a_provider_is_not_set_up() -> None:
    def is_missing(provider: str, signed: Signed, name: str) -> None:
        with pytest.raises(NotSetUp, match=name.upper()):
            read(provider, signed, **{name: None})

    rows = [
        ("resend", by_resend(DELIVERED), "resend_webhook_secret"),
        ("sendgrid", by_sendgrid(EVENTS), "sendgrid_webhook_key"),
        ("twilio", by_twilio(STATUS), "twilio_auth_token"),
        ("twilio", by_twilio(STATUS), "app_url"),
    ]
    check_all(rows, is_missing)


def test_what_events_of_resend_mean() -> None:
    def means(kind: str, data: Mapping[str, Any], *reports: tuple[str, str]) -> None:
        assert read("resend", by_resend(resend_event(kind, "m1", **data))) == [(outcome, "m1", detail) for outcome, detail in reports]

    rows: list[tuple[Any, ...]] = [
        ("sent", {}, (SENT, "")),
        ("delivered", {}, (ARRIVED, "")),
        ("bounced", {"bounce": {"type": "Permanent", "subType": "General", "message": "No  such\nuser"}}, (BOUNCED, "No such user")),
        ("bounced", {"bounce": {"type": "Transient", "message": "Mailbox full"}}, (FAILED, "Mailbox full")),
        ("bounced", {}, (BOUNCED, "")),
        ("suppressed", {"suppressed": {"message": "On the list"}}, (BOUNCED, "On the list")),
        ("failed", {"failed": {"reason": "quota"}}, (FAILED, "quota")),
        ("complained", {}, (COMPLAINED, "")),
        *((kind, {}) for kind in ("opened", "clicked", "delivery_delayed", "scheduled", "received", "something_new")),
        ("delivered", {"email_id": None}),
        ("delivered", {"email_id": {"a": 1}}),
    ]
    check_all(rows, means)
    for odd in ({}, [], "text", 7, None, {"type": "email.delivered"}, {"type": "email.delivered", "data": []}):
        assert read("resend", by_resend(odd)) == []


def test_what_events_of_sendgrid_mean() -> None:
    def means(kind: str, data: Mapping[str, Any], *reports: tuple[str, str]) -> None:
        found = read("sendgrid", by_sendgrid([sendgrid_event(kind, "m1", "e1", **data)]))
        assert found == [(outcome, "m1", detail) for outcome, detail in reports]

    rows: list[tuple[Any, ...]] = [
        ("processed", {}, (SENT, "")),
        ("delivered", {"response": "250 OK"}, (ARRIVED, "250 OK")),
        ("bounce", {"type": "bounce", "reason": "550 no such user"}, (BOUNCED, "550 no such user")),
        ("bounce", {"type": "blocked", "reason": "greylisted"}, (FAILED, "greylisted")),
        ("dropped", {"reason": "Bounced Address"}, (FAILED, "Bounced Address"), (BOUNCED, "Bounced Address")),
        ("dropped", {"reason": "Unsubscribed Address"}, (FAILED, "Unsubscribed Address"), (UNSUBSCRIBED, "Unsubscribed Address")),
        ("dropped", {"reason": "Spam Reporting Address"}, (FAILED, "Spam Reporting Address"), (COMPLAINED, "Spam Reporting Address")),
        ("dropped", {"reason": "Spam Content"}, (FAILED, "Spam Content")),
        ("spamreport", {}, (COMPLAINED, "")),
        ("unsubscribe", {}, (UNSUBSCRIBED, "")),
        *((kind, {}) for kind in ("open", "click", "deferred", "something_new")),
        ("delivered", {"sg_message_id": None}),
    ]
    check_all(rows, means)
    for odd in ({}, "text", 7, None, [None, 7, [], {}], [{"event": "delivered"}]):
        assert read("sendgrid", by_sendgrid(odd)) == []


def test_what_calls_of_twilio_mean() -> None:
    def means(status: str, fields: Mapping[str, str], *reports: tuple[str, str]) -> None:
        found = read("twilio", by_twilio(twilio_status(status, "SM1", **fields)))
        assert found == [(outcome, "SM1", detail) for outcome, detail in reports]

    rows: list[tuple[Any, ...]] = [
        ("sent", {}, (SENT, "")),
        ("delivered", {"ErrorCode": ""}, (ARRIVED, "")),
        ("undelivered", {"ErrorCode": "30003"}, (FAILED, "undelivered (30003)")),
        ("undelivered", {"ErrorCode": "30006"}, (BOUNCED, "undelivered (30006)")),
        ("failed", {"ErrorCode": "21610", "ErrorMessage": "opted out"}, (STOPPED, "opted out (21610)")),
        *((status, {}) for status in ("queued", "sending", "accepted", "something-new")),
    ]
    check_all(rows, means)

    def answers(form: dict[str, str], *reports: tuple[str, str]) -> None:
        assert read("twilio", by_twilio(form)) == [(outcome, "+12025550123", said) for outcome, said in reports]

    check_all(
        [
            (twilio_answer("STOP", "SM2"), (STOPPED, "STOP")),
            (twilio_answer(" Unsubscribe ", "SM2"), (STOPPED, "Unsubscribe")),
            (twilio_answer("halt, bitte", "SM2", OptOutType="STOP"), (STOPPED, "halt, bitte")),
            (twilio_answer("start", "SM2"), (RESUMED, "start")),
            (twilio_answer("Please do not stop", "SM2"),),
            (twilio_answer("", "SM2"),),
            (twilio_answer("STOP", "SM2", number="whatsapp:+12025550123"),),
        ],
        answers,
    )
    assert read("twilio", by_twilio({})) == []


def test_what_providers_write_fits_and_can_be_stored() -> None:
    event = resend_event("bounced", "m" * 500, bounce={"message": "a\x00b\u2028c" + "d" * 5000})
    ((_outcome, message_id, detail),) = read("resend", by_resend(event))
    assert (len(message_id), len(detail)) == (MAX_ID, MAX_DETAIL)
    assert detail.startswith("a\ufffdb cd")


def test_keys_with_which_anybody_could_sign_are_refused() -> None:
    rsa = base64.b64encode(
        generate_rsa_key(65537, 2048).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).decode()

    def is_refused(name: str, value: str) -> None:
        with pytest.raises(SettingsError, match=name.upper()):
            settings(**{name: value})

    secrets = ["whsec_", "whsec_!!!!", "whsec_c2hvcnQ=", "re_123456789", RESEND_SECRET + "!"]
    keys = ["MF", "not a key", rsa, public_key()[:-8]]
    check_all([*(("resend_webhook_secret", each) for each in secrets), *(("sendgrid_webhook_key", each) for each in keys)], is_refused)
    pem = f"-----BEGIN PUBLIC KEY-----\n{public_key()}\n-----END PUBLIC KEY-----\n"
    assert settings(sendgrid_webhook_key=pem).sendgrid_webhook_key == public_key()


def test_twilio_is_told_the_address_that_is_verified() -> None:
    assert callback_address(settings(), "twilio") == f"{APP_URL}/webhooks/twilio"
