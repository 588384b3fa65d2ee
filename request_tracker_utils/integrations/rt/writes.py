"""Changing assets. Request Tracker answers 200 to a change that it refused, so every write is read back."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from request_tracker_utils.integrations.rt.errors import RtConflict, RtError, RtInvalid, RtNotFound, RtRefused, RtUnreachable
from request_tracker_utils.integrations.rt.people import People
from request_tracker_utils.integrations.rt.rows import NOBODY, RtAsset, asset_of, number, same, text
from request_tracker_utils.integrations.rt.transport import Transport

LONGEST_NAME = 255
"""Characters. Some databases cut a longer one, and RT says nothing."""


def read_asset(transport: Transport, asset_id: int) -> RtAsset:
    answer = transport.get(f"asset/{asset_id}", params={"fields[Catalog]": "Name"})
    asset = asset_of(answer.body, answer.etag)
    if asset.id != asset_id:
        raise RtRefused(f"Request Tracker was asked for asset #{asset_id} and answered with #{asset.id}. Nothing was done.")
    return asset


@dataclass(frozen=True)
class _PutAnswer:
    """RT's messages, one a change; `lost` when no answer came, and nobody knows whether it was carried out."""

    messages: tuple[str, ...] = ()
    lost: RtUnreachable | None = None

    def tells_of_change(self, old: str, new: str) -> bool:
        """Whether RT says that it has recorded this very change: `Asset x: Name changed from 'old' to 'new'`, in any language.

        A refusal quotes neither, and what was changed by somebody else meanwhile quotes another old value.
        """
        quoted = [value for value in (old, new) if value]
        return any(re.search(".+".join(f"['\"]{re.escape(value)}['\"]" for value in quoted), message) for message in self.messages)


class Writes:
    def __init__(self, transport: Transport, people: People) -> None:
        self._transport, self._people = transport, people

    def create(self, name: str, *, catalog: str, fields: Mapping[str, str], status: str = "") -> int:
        _check_name(name)
        data: dict[str, Any] = {"Name": name, "Catalog": catalog, "CustomFields": {key: value for key, value in fields.items() if value}}
        if status:
            data["Status"] = status
        try:
            body = self._transport.write("POST", "asset", data).body
        except RtInvalid as refusal:
            raise RtInvalid(self._explained(refusal.message, catalog), status=refusal.status) from None
        except RtRefused as refusal:
            if refusal.status != 403:
                raise
            # RT does not tell a catalog that is missing from one that is closed to the token's user.
            message = f"Request Tracker has no catalog {catalog!r}, or the token's user may not create assets there. Check both."
            raise RtRefused(message, status=403) from None
        return number(body.get("id") if isinstance(body, dict) else None)

    def _explained(self, message: str, catalog: str) -> str:
        """What to do about what Request Tracker says of a custom field or a status, where it says so in English."""
        if unapplied := re.search(r"Custom field (\d+) does not apply", message):
            name = self._name_of_field(unapplied[1])
            return f"Request Tracker has the custom field {name}, but not for assets in {catalog}. Apply it to that catalog in RT."
        if unknown := re.search(r"Custom field (.+?) not found", message):
            return (
                f"Request Tracker has no custom field {unknown[1]!r} for assets, or hides it from the token's user. "
                "Make it and apply it to the catalog, grant SeeCustomField, or set the field's right name."
            )
        if closed := re.search(r"custom field '(.+?)': Permission Denied", message):
            return f"The token's user may not write the custom field {closed[1]!r}. Grant ModifyCustomField on it in Request Tracker."
        if status := re.search(r"Status '(.*?)' isn't a valid status", message):
            return f"Request Tracker knows no status {status[1]!r} for assets in {catalog}. Correct RT_ASSET_STATUS."
        return message

    def _name_of_field(self, number: str) -> str:
        try:
            body = self._transport.get(f"customfield/{number}").body
        except RtError:
            return f"#{number}"
        return repr(text(body.get("Name"))) if isinstance(body, dict) else f"#{number}"

    def rename(self, asset_id: int, name: str, *, etag: str | None = None, seen: str | None = None) -> str:
        _check_name(name)
        if not name:
            raise RtInvalid("An empty name cannot be given to an asset.")
        before = None if seen is not None else read_asset(self._transport, asset_id)
        old = before.name if before else seen
        if old == name:
            return name
        answer = self._put(asset_id, {"Name": name}, etag=etag or (before.etag if before else ""))
        if seen is not None and answer.tells_of_change(seen, name):
            return seen
        said, asset = self._read_back(asset_id, answer, done=lambda asset: asset.name == name)
        if asset.name == name:
            return old or ""
        if asset.name == old:
            raise RtInvalid(f"Request Tracker did not rename asset #{asset_id} to {name!r}.{said}")
        raise RtConflict(f"Asset #{asset_id} was to be named {name!r} and is now {asset.name!r}: somebody else changes it too. Look at it.")

    def set_fields(self, asset_id: int, fields: Mapping[str, str]) -> None:
        def missing(asset: RtAsset) -> list[str]:
            return [name for name, value in fields.items() if asset.fields.get(name) != value]

        answer = self._put(asset_id, {"CustomFields": dict(fields)})
        said, asset = self._read_back(asset_id, answer, done=lambda asset: not missing(asset))
        # RT passes over fields that it does not know.
        if unknown := [name for name in fields if name not in asset.fields]:
            raise RtInvalid(
                f"Asset #{asset_id} has no custom field {', '.join(unknown)} in Request Tracker. Apply it to the asset's catalog."
            )
        if wrong := missing(asset):
            raise RtConflict(f"Request Tracker did not keep what was set for {', '.join(wrong)} of asset #{asset_id}.{said}")

    def set_holder(self, asset_id: int, username: str) -> None:
        # By number: RT takes a name of digits for a number, makes a new user of one with an @, and fails inside at an unknown one.
        try:
            user = self._people.by_name(username) if username else None
        except RtNotFound:
            raise RtInvalid(f"Request Tracker has no user {username!r}. Make one there, or check the name.") from None
        who = str(user.id) if user else NOBODY
        name = user.name if user else ""

        def held(asset: RtAsset) -> bool:
            return same(", ".join(asset.holders), name) and same(asset.owner, name)

        answer = self._put(asset_id, {"HeldBy": [who] if user else [], "Owner": who})
        said, asset = self._read_back(asset_id, answer, done=held)
        if not held(asset):
            raise RtConflict(f"Asset #{asset_id} did not become {name or 'nobody'}'s in Request Tracker.{said}")

    def _put(self, asset_id: int, data: Mapping[str, Any], *, etag: str = "") -> _PutAnswer:
        try:
            body = self._transport.write("PUT", f"asset/{asset_id}", data, etag=etag).body
        except RtUnreachable as error:
            return _PutAnswer(lost=error)
        return _PutAnswer(tuple(str(each) for each in body) if isinstance(body, list) else ())

    def _read_back(self, asset_id: int, answer: _PutAnswer, *, done: Callable[[RtAsset], bool]) -> tuple[str, RtAsset]:
        """What RT said about it, and the asset as it is now. After a lost answer this tells whether it was done."""
        asset = read_asset(self._transport, asset_id)
        if answer.lost is not None and not done(asset):
            raise answer.lost
        said = "; ".join(answer.messages)[:300]
        return (f" It said: {said}" if said else ""), asset


def _check_name(name: str) -> None:
    if name.isdigit():
        raise RtInvalid(f"Request Tracker takes no name of digits alone, such as {name!r}. Put a letter before it.")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise RtInvalid(f"A name has at most {LONGEST_NAME} characters and no line breaks or other control characters.")
