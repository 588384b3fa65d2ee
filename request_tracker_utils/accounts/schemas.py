"""Bodies of JSON requests and responses about accounts."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field, RootModel

from request_tracker_utils.accounts.contact import MAX_TYPED
from request_tracker_utils.accounts.models import Role, User
from request_tracker_utils.core.db import LARGEST_ID

MAX_NAME, MAX_PASSWORD = 200, 1_000
"""Longer ones are refused before they are looked at."""
_PERSONAL = " Null also for callers who may not see it: only administrators, and the account itself."


class UserPath(BaseModel):
    user_id: int = Field(ge=1, le=LARGEST_ID, description="The account’s number.", json_schema_extra={"example": 17})


class UsersQuery(BaseModel):
    role: Role | None = Field(None, description="Only accounts with this role.", json_schema_extra={"example": "staff"})
    after: int = Field(
        0, ge=0, le=LARGEST_ID, description="Only accounts with a higher number, for the next page.", json_schema_extra={"example": 0}
    )
    limit: int = Field(1_000, ge=1, le=1_000, description="Accounts at most.", json_schema_extra={"example": 1000})


class Registration(BaseModel):
    """A new account. A `role` is ignored: administrators assign roles."""

    username: str = Field(max_length=MAX_NAME, examples=["testuser"])
    password: str = Field(max_length=MAX_PASSWORD, examples=["tulips on the moon"])
    email: str | None = Field(None, max_length=MAX_TYPED, examples=["test@example.com"])
    phone: str | None = Field(None, max_length=MAX_TYPED, description="With + and the country code.", examples=["+12025551234"])
    invitation: str = Field("", max_length=MAX_NAME, description="The end of an invitation link, after `/register/`.", examples=[""])


class Credentials(BaseModel):
    """Name and password of an account."""

    username: str = Field(max_length=MAX_NAME, examples=["testuser"])
    password: str = Field(max_length=MAX_PASSWORD, examples=["tulips on the moon"])


class AccountRow(BaseModel):
    """An account."""

    id: int = Field(examples=[17])
    username: str = Field(examples=["testuser"])
    email: str | None = Field(description="Email address." + _PERSONAL, examples=["test@example.com"])
    phone: str | None = Field(description="Phone number in the form E.164." + _PERSONAL, examples=["+12025551234"])
    role: Role = Field(examples=["user"])
    created_at: datetime = Field(examples=["2026-03-02T08:00:00+00:00"])

    @classmethod
    def of(cls, user: User, *, personal: bool) -> Self:
        email, phone = (user.email, user.phone) if personal else (None, None)
        return cls(id=user.id, username=user.name, email=email, phone=phone, role=Role(user.role), created_at=user.created_at)


class AccountList(RootModel[list[AccountRow]]):
    """Accounts by number."""


class SignedIn(BaseModel):
    """An account, and an access token for it."""

    message: str = Field(examples=["You are signed in."])
    user: AccountRow
    access_token: str = Field(
        description="Send it as `Authorization: Bearer …`. It expires after ACCESS_TOKEN_HOURS, when the password changes, and when the "
        "account is signed out everywhere.",
        examples=["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxNyJ9.c2lnbmF0dXJl"],
    )

    @classmethod
    def answer(cls, message: str, user: User, token: str) -> dict[str, Any]:
        return cls(message=message, user=AccountRow.of(user, personal=True), access_token=token).model_dump(mode="json")
