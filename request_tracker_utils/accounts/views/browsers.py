"""Browsers in which an account has signed in before: wrong passwords from there are counted by themselves.

A school has one address for all its people. Without this a pupil who types wrong passwords for a teacher's name keeps the teacher waiting.
The cookie opens nothing: it only says that its bearer knew the password, and says it no more when the password is another.
"""

import secrets

from flask import Response, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from request_tracker_utils.accounts.secret import hash_of

COOKIE = "rtutils_browser"
YEAR = 365 * 24 * 3600
MOST = 5
"""Accounts that one browser is remembered for, the last ones."""
_DIGITS = 16


def mark_for(name: str) -> tuple[str, str]:
    """What this browser is known by where the account of that name signed in here before, and the fingerprint of the password then."""
    number, _, password = _known().get(_key(name), "").partition(" ")
    return number, password


def remember(response: Response, name: str, password: str) -> Response:
    """Has the browser remember that the account signed in, with the password of this fingerprint."""
    known = _known()
    number = known.pop(_key(name), "").partition(" ")[0] or secrets.token_urlsafe(12)
    kept = dict([*known.items(), (_key(name), f"{number} {password}")][-MOST:])
    secure = current_app.session_interface.get_cookie_secure(current_app)
    response.set_cookie(COOKIE, _signer().dumps(kept), max_age=YEAR, secure=secure, httponly=True, samesite="Lax")
    return response


def _known() -> dict[str, str]:
    try:
        return dict(_signer().loads(request.cookies.get(COOKIE, "")))
    except BadSignature:
        return {}


def _key(name: str) -> str:
    return hash_of(name.strip().lower())[:_DIGITS]


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt="browsers of an account")
