"""Reading and changing assets. Request Tracker answers 200 to a change that it rejected, so every write is read back."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.rt.asset_searches import AssetSearches
from request_tracker_utils.integrations.rt.custom_fields import CustomFields
from request_tracker_utils.integrations.rt.errors import RtConflict, RtInvalid, RtNotFound, RtRefused, RtUnreachable
from request_tracker_utils.integrations.rt.records import NOBODY, RtAsset, asset_of, number, same
from request_tracker_utils.integrations.rt.transport import Transport, quoted_message
from request_tracker_utils.integrations.rt.users import Users

LONGEST_NAME = 255
"""Characters. Some databases truncate longer names, and RT does not report it."""


@dataclass(frozen=True)
class _PutAnswer:
    """RT's messages, one for each change. `lost` is the error if no response arrived: the change may or may not have been carried out."""

    messages: tuple[str, ...] = ()
    lost: RtUnreachable | None = None

    def confirms(self, old: str, new: str) -> bool:
        """Whether a message confirms this change: `Asset x: Name changed from 'old' to 'new'`, in any language.

        An error message quotes neither value, and after a change by another user the message quotes another old value.
        """
        values = [value for value in (old, new) if value]
        return any(re.search(".+".join(f"['\"]{re.escape(value)}['\"]" for value in values), message) for message in self.messages)


class Assets(AssetSearches):
    """Assets of Request Tracker: `get`, searches, `create`, `rename`, and changes of fields and holder."""

    def __init__(self, transport: Transport, users: Users, custom_fields: CustomFields, *, serial_field: str, model_field: str) -> None:
        super().__init__(transport, custom_fields, serial_field=serial_field, model_field=model_field)
        self._users = users

    def get(self, asset_id: int) -> RtAsset:
        """Returns deleted assets too. Raises RtNotFound."""
        answer = self._transport.get(f"asset/{asset_id}", params={"fields[Catalog]": "Name"})
        asset = asset_of(answer.body, answer.etag)
        if asset.id != asset_id:
            raise RtRefused(
                _("Request Tracker returned asset #%(found)s instead of #%(asked)s. Nothing was changed.", found=asset.id, asked=asset_id)
            )
        return asset

    def create(self, name: str, *, catalog: str, fields: Mapping[str, str] | None = None, status: str = "") -> int:
        """Returns the new asset's id. Sent once: after RtUnreachable the asset may exist.

        Raises RtInvalid, also for an unknown custom field (then nothing is created).
        """
        _check_name(name)
        values = {key: value for key, value in (fields or {}).items() if value}
        data: dict[str, Any] = {"Name": name, "Catalog": catalog, "CustomFields": values}
        if status:
            data["Status"] = status
        try:
            body = self._transport.write("POST", "asset", data).body
        except RtInvalid as refusal:
            raise RtInvalid(self._explained(refusal.message, catalog), status=refusal.status) from None
        except RtRefused as refusal:
            if refusal.status != 403:
                raise
            # RT's answer is the same for a catalog that does not exist and one in which the user may not create assets.
            message = _(
                "Request Tracker has no catalog %(catalog)s, or the token's user may not create assets in it. Check both.",
                catalog=repr(catalog),
            )
            raise RtRefused(message, status=403) from None
        return number(body.get("id") if isinstance(body, dict) else None)

    def rename(self, asset_id: int, name: str, *, etag: str | None = None, old_name: str | None = None) -> str:
        """Sets the name, reads it back, and returns the old one. The change applies to the version `etag`, or to the one just read.

        With `old_name`, the name that was read a moment ago, the asset is not read before, and afterwards only if RT's response does not
        confirm the change: one request instead of three. Raises RtNotFound, RtInvalid, RtConflict.
        """
        _check_name(name)
        if not name:
            raise RtInvalid(_("An asset's name cannot be empty."))
        before = None if old_name is not None else self.get(asset_id)
        old = before.name if before else old_name or ""
        if old == name:
            return name
        answer = self._put(asset_id, {"Name": name}, etag=etag or (before.etag if before else ""))
        if before is None and answer.confirms(old, name):
            return old
        detail, asset = self._read_back(asset_id, answer, is_done=lambda asset: asset.name == name)
        if asset.name == name:
            return old
        if asset.name == old:
            message = _(
                "Request Tracker did not rename asset #%(asset_id)s to %(name)s. Check that the token's user has the right ModifyAsset.",
                asset_id=asset_id,
                name=repr(name),
            )
            raise RtInvalid(message + detail)
        raise RtConflict(
            _(
                "Asset #%(asset_id)s was renamed to %(name)s, but its name is now %(found)s: another user changed it too. Check it.",
                asset_id=asset_id,
                name=repr(name),
                found=repr(asset.name),
            )
        )

    def set_fields(self, asset_id: int, fields: Mapping[str, str]) -> None:
        """Sets custom fields and reads them back; an empty text clears one. Raises RtNotFound, RtInvalid, RtConflict."""

        def different(asset: RtAsset) -> list[str]:
            return [name for name, value in fields.items() if asset.fields.get(name) != value]

        answer = self._put(asset_id, {"CustomFields": dict(fields)})
        detail, asset = self._read_back(asset_id, answer, is_done=lambda asset: not different(asset))
        # RT ignores fields that it does not know.
        if unknown := [name for name in fields if name not in asset.fields]:
            raise RtInvalid(
                _(
                    "Asset #%(asset_id)s has no custom field %(fields)s in Request Tracker. Apply it to the asset's catalog.",
                    asset_id=asset_id,
                    fields=", ".join(unknown),
                )
            )
        if wrong := different(asset):
            message = _(
                "Request Tracker did not store the values of %(fields)s of asset #%(asset_id)s. Check the token user's rights.",
                fields=", ".join(wrong),
                asset_id=asset_id,
            )
            raise RtConflict(message + detail)

    def set_holder(self, asset_id: int, username: str) -> None:
        """Sets holder and owner, and reads them back. An empty name removes both.

        Raises RtNotFound, RtInvalid (the user does not exist), RtConflict. The present holder then remains.
        """
        # By number: RT treats a name of digits as a number, creates a user for a name with an @, and fails or removes the current holder
        # for a name that does not exist.
        try:
            user = self._users.by_name(username) if username else None
        except RtNotFound:
            message = _("Request Tracker has no user %(name)s. Create the user there, or correct the name.", name=repr(username))
            raise RtInvalid(message) from None
        who = str(user.id) if user else NOBODY
        name = user.name if user else ""
        before = self.get(asset_id).holders if user else ()

        def is_done(asset: RtAsset) -> bool:
            return same(", ".join(asset.holders), name) and same(asset.owner, name)

        answer = self._put(asset_id, {"HeldBy": [who] if user else [], "Owner": who})
        detail, asset = self._read_back(asset_id, answer, is_done=is_done)
        if not is_done(asset):
            if before and not asset.holders:
                self._restore_holders(asset_id, before)
            raise RtConflict(
                _(
                    "Request Tracker did not set holder and owner of asset #%(asset_id)s to %(name)s. Check the token user's rights.",
                    asset_id=asset_id,
                    name=name or NOBODY,
                )
                + detail
            )

    def _restore_holders(self, asset_id: int, names: Sequence[str]) -> None:
        """If the new holder's user was deleted after it was found, Request Tracker 6 only removes the present holders."""
        ids = []
        for name in names:
            with suppress(RtNotFound):
                ids.append(str(self._users.by_name(name).id))
        self._read_back(asset_id, self._put(asset_id, {"HeldBy": ids}), is_done=lambda asset: bool(asset.holders))

    def address(self, asset_id: int) -> str:
        """Of the asset's page."""
        return f"{self._transport.url}/Asset/Display.html?id={asset_id}"

    def _put(self, asset_id: int, data: Mapping[str, Any], *, etag: str = "") -> _PutAnswer:
        try:
            body = self._transport.write("PUT", f"asset/{asset_id}", data, etag=etag).body
        except RtUnreachable as error:
            return _PutAnswer(lost=error)
        return _PutAnswer(tuple(str(each) for each in body) if isinstance(body, list) else ())

    def _read_back(self, asset_id: int, answer: _PutAnswer, *, is_done: Callable[[RtAsset], bool]) -> tuple[str, RtAsset]:
        """RT's messages as a sentence, and the asset as it is now. After a lost answer this shows whether the change was carried out."""
        asset = self.get(asset_id)
        if answer.lost is not None and not is_done(asset):
            raise answer.lost
        return quoted_message("; ".join(answer.messages)[:300]), asset

    def _explained(self, message: str, catalog: str) -> str:
        """What to do about RT's message on a custom field or a status, if it is in English; else the message."""
        if unapplied := re.search(r"Custom field (\d+) does not apply", message):
            return self._custom_fields.not_applied(unapplied[1], catalog)
        if unknown := re.search(r"Custom field (.+?) not found", message):
            return self._custom_fields.not_found(unknown[1], catalog)
        if closed := re.search(r"custom field '(.+?)': Permission Denied", message):
            return _(
                "The token's user may not write the custom field %(field)s. Grant ModifyCustomField on it in Request Tracker.",
                field=repr(closed[1]),
            )
        if status := re.search(r"Status '(.*?)' isn't a valid status", message):
            return _(
                "Request Tracker has no status %(status)s for assets in %(catalog)s. Correct RT_ASSET_STATUS.",
                status=repr(status[1]),
                catalog=catalog,
            )
        return message


def _check_name(name: str) -> None:
    if name.isdigit():
        raise RtInvalid(_("Request Tracker does not accept a name of digits only, such as %(name)s. Add a letter.", name=repr(name)))
    if len(name) > LONGEST_NAME or not name.isprintable():
        message = _("A name can have at most %(longest)s characters, and no line breaks or other control characters.", longest=LONGEST_NAME)
        raise RtInvalid(message)
