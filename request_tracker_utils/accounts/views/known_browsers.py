"""Browsers in which an account has signed in before: wrong passwords from there are counted separately.

A school has one address for everybody. Without this, a student who types wrong passwords for a teacher's name locks the teacher out. The
cookie grants no access: it only shows that the browser's user once knew the password, and stops working when the password changes.
"""

import secrets

from flask import Response, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from request_tracker_utils.accounts.models import key_hash

COOKIE = "rtutils_browser"
YEAR = 365 * 24 * 3600
MAX_ACCOUNTS = 5
"""Accounts remembered in one browser, the most recent ones."""
_KEY_LENGTH = 16


def find(name: str) -> tuple[str, str]:
    """This browser's id for the account with this name, and the fingerprint of the password used then; empty if it never signed in."""
    number, _, password = _known().get(_key(name), "").partition(" ")
    return number, password


def remember(response: Response, name: str, password: str) -> Response:
    """Sets the cookie that remembers that the account has signed in with the password with this fingerprint."""
    known = _known()
    number = known.pop(_key(name), "").partition(" ")[0] or secrets.token_urlsafe(12)
    remembered = dict([*known.items(), (_key(name), f"{number} {password}")][-MAX_ACCOUNTS:])
    secure = current_app.session_interface.get_cookie_secure(current_app)
    response.set_cookie(COOKIE, _signer().dumps(remembered), max_age=YEAR, secure=secure, httponly=True, samesite="Lax")
    return response


def _known() -> dict[str, str]:
    try:
        return dict(_signer().loads(request.cookies.get(COOKIE, "")))
    except BadSignature:
        return {}


def _key(name: str) -> str:
    return key_hash(name.strip().lower())[:_KEY_LENGTH]


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt="browsers of an account")
