"""Accounts over JSON: registering, signing in for an access token, and choosing a person."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.accounts import registration, service
from request_tracker_utils.accounts.access_tokens import TokenService
from request_tracker_utils.accounts.current import authentication
from request_tracker_utils.accounts.links import LinkInvalid
from request_tracker_utils.accounts.models import User
from request_tracker_utils.accounts.permissions import AccountPermission
from request_tracker_utils.accounts.registration import InvitationRequired, RegistrationClosed
from request_tracker_utils.accounts.schemas import AccountList, AccountRow, Credentials, Registration, SignedIn, UserPath, UsersQuery
from request_tracker_utils.accounts.service import NameTaken, UserNotFound, WrongCredentials
from request_tracker_utils.accounts.throttling import TooManyAttempts
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Invalid, Unauthenticated
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.access_log import account, record_list, record_lookup
from request_tracker_utils.web.auth import current_actor, public, require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.registry import registry, settings
from request_tracker_utils.web.threads import Reserved

ACCOUNTS = Tag(name="accounts", description="Registering, signing in for an access token, and the people who have accounts.")
NO_COOKIES = "takes a password and answers with a token; neither uses nor sets a session"

api = APIBlueprint("accounts_api", __name__, abp_tags=[ACCOUNTS])


class SignInRefused(Unauthenticated):
    """The name or the password is wrong."""

    code = "wrong_credentials"


@api.post("/api/register", responses={201: SignedIn})
@public(NO_COOKIES, csrf=False, reserved=Reserved.SIGN_IN)
@may_raise(Invalid, RegistrationClosed, InvitationRequired, LinkInvalid, NameTaken, TooManyAttempts)
def register(body: Registration) -> Answer:
    """Create an account and sign in.

    Depends on the setting REGISTRATION: everyone may register, people with an invitation, or nobody. The role is that of the invitation,
    or `user`.
    """
    with _as_username():
        user = registration.register(
            reading, transaction, mode=settings().registration, **_given(body), origin=authentication.origin(), now=utc_now()
        )
    return SignedIn.answer(_("Your account was created."), user, _token(user)), 201


@api.post("/api/login", responses={200: SignedIn})
@public(NO_COOKIES, csrf=False, reserved=Reserved.SIGN_IN)
@may_raise(SignInRefused, TooManyAttempts)
def login(body: Credentials) -> Answer:
    """Sign in with name and password.

    The answer is the same for a wrong password and an unknown name. Wrong passwords cause growing pauses (429).
    """
    try:
        user = authentication.verify_password(body.username, body.password, detail="for an access token")
    except WrongCredentials as error:
        raise SignInRefused(error.message) from None
    return SignedIn.answer(_("You are signed in."), user, _token(user))


@api.get("/api/users", responses={200: AccountList})
@require(AccountPermission.LIST)
def list_users(query: UsersQuery) -> list[dict[str, Any]]:
    """List accounts by number.

    Deactivated accounts are left out, and accounts of students unless the caller is an administrator.
    """
    actor = current_actor()
    with reading() as session:
        found = service.visible_users(session, actor, role=query.role or "", after=query.after, limit=query.limit)
    record_list("accounts", len(found))
    return [_row(actor, user) for user in found]


@api.get("/api/users/<user_id>", responses={200: AccountRow})
@require(AccountPermission.LIST)
@may_raise(UserNotFound)
def get_user(path: UserPath) -> Answer:
    """Show an account.

    Callers who are not administrators find their own account and those that the list shows.
    """
    actor = current_actor()
    with reading() as session:
        user = service.visible_user(session, actor, path.user_id)
    if user.id != actor.user_id:
        record_lookup("account", account(user.name))
    return _row(actor, user)


def _row(actor: Actor, user: User) -> dict[str, Any]:
    return AccountRow.of(user, personal=user.id == actor.user_id or actor.may(AccountPermission.READ)).model_dump(mode="json")


def _given(body: Registration) -> dict[str, Any]:
    return {"name": body.username, **body.model_dump(include={"password", "email", "phone", "invitation"})}


def _token(user: User) -> str:
    return registry().get(TokenService).issue(user, now=utc_now())


@contextmanager
def _as_username() -> Iterator[None]:
    """Errors about the name are about the field `username` here."""
    try:
        yield
    except AppError as error:
        if error.fields.get("field") == "name":
            error.fields["field"] = "username"
        raise
