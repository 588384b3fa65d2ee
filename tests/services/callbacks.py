"""Signs calls as providers do: written from their documentation, not with the code that verifies."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

APP_URL = "https://utils.example.org"
RESEND_SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
TWILIO_TOKEN = "an-auth-token-of-twilio"
SENDGRID_KEY = generate_private_key(SECP256R1())
JSON, FORM = "application/json", "application/x-www-form-urlencoded"

Signed = tuple[bytes, dict[str, str]]
"""The body of a call, and its headers."""


def public_key(key: EllipticCurvePrivateKey = SENDGRID_KEY) -> str:
    """As SendGrid shows it."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


SETTINGS = {
    "app_url": APP_URL,
    "resend_webhook_secret": RESEND_SECRET,
    "sendgrid_webhook_key": public_key(),
    "twilio_auth_token": TWILIO_TOKEN,
}


def by_resend(event: Any, call_id: str = "msg_1", *, age: float = 0, secret: str = RESEND_SECRET) -> Signed:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    at = str(int(time.time() - age))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.digest(key, f"{call_id}.{at}.".encode() + body, "sha256")).decode()
    return body, {"Content-Type": JSON, "svix-id": call_id, "svix-timestamp": at, "svix-signature": f"v1,{signature}"}


def by_sendgrid(events: Any, *, age: float = 0, key: EllipticCurvePrivateKey = SENDGRID_KEY) -> Signed:
    body = events if isinstance(events, bytes) else json.dumps(events).encode()
    at = str(int(time.time() - age))
    signature = base64.b64encode(key.sign(at.encode() + body, ECDSA(SHA256()))).decode()
    names = ("X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp")
    return body, {"Content-Type": JSON, **dict(zip(names, (signature, at), strict=True))}


def by_twilio(form: dict[str, str], *, token: str = TWILIO_TOKEN, address: str = f"{APP_URL}/webhooks/twilio") -> Signed:
    text = address + "".join(name + form[name] for name in sorted(form))
    signature = base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()
    return urlencode(form).encode(), {"Content-Type": FORM, "X-Twilio-Signature": signature}


def resend_event(kind: str, message: str, **data: object) -> dict[str, Any]:
    return {
        "type": f"email.{kind}",
        "created_at": "2026-02-03T04:05:06.000Z",
        "data": {"email_id": message, "to": ["a@b.example.org"], **data},
    }


def sendgrid_event(kind: str, message: str, event_id: str, **data: object) -> dict[str, Any]:
    shared = {"email": "a@b.example.org", "timestamp": 1770091506, "event": kind, "sg_event_id": event_id}
    return {**shared, "sg_message_id": f"{message}.recvd-canary-7d.1-69817312-4.0", **data}


def twilio_status(status: str, message: str, **fields: str) -> dict[str, str]:
    shared = {"AccountSid": "AC" + "0" * 32, "From": "+12025550100", "To": "+12025550123", "ApiVersion": "2010-04-01"}
    return {**shared, "MessageSid": message, "SmsSid": message, "MessageStatus": status, "SmsStatus": status, **fields}


def twilio_answer(text: str, message: str, number: str = "+12025550123", **fields: str) -> dict[str, str]:
    return {"MessageSid": message, "SmsSid": message, "SmsStatus": "received", "From": number, "To": "+12025550100", "Body": text, **fields}
