"""Users: finding them, identifying the user of a token, and the permissions of the client's own user, as far as RT shows them to reads."""

import re
from typing import Any
from urllib.parse import quote

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.rt.errors import RtNotFound, RtRefused
from request_tracker_utils.integrations.rt.queries import NAMES, Query, read_all, read_page
from request_tracker_utils.integrations.rt.records import NOBODY, RtUser, malformed, number, same, text, user_of
from request_tracker_utils.integrations.rt.transport import Transport

TOKEN = re.compile(r"1-([1-9][0-9]{0,9})-[0-9A-Za-z]{8,128}")
"""A token of RT, with its user's id."""


class Users:
    def __init__(self, transport: Transport, token: str) -> None:
        self._transport, self._token = transport, token

    def by_id(self, user_id: int) -> RtUser:
        """Raises RtNotFound."""
        user = user_of(self._transport.get(f"user/{user_id}").body)
        if user.id != user_id:
            raise RtRefused(_("Request Tracker returned user %(found)s instead of %(asked)s.", found=user.id, asked=user_id))
        return user

    def by_name(self, name: str) -> RtUser:
        """A name made of digits is a name. Raises RtNotFound."""
        if not name or not name.isprintable() or name in (".", "..") or "/" in name:
            raise _no_user(name)
        if name.isdecimal():
            return self._by_name_of_digits(name)
        try:
            user = user_of(self._transport.get(f"user/{quote(name, safe='')}").body)
        except RtNotFound:
            raise _no_user(name) from None
        if not same(user.name, name):
            raise _no_user(name)
        return user

    def of_token(self, token: str) -> RtUser | None:
        """The user of a Request Tracker token, which authenticates the request. None if it is not valid."""
        form = TOKEN.fullmatch(token)
        if form is None:
            return None
        user_id = int(form.group(1))
        try:
            user = user_of(self._transport.get_with_token(f"user/{user_id}", token).body)
        except RtNotFound:
            return None
        except RtRefused as refusal:
            if refusal.status in (401, 403):
                return None
            raise
        return user if user.id == user_id and not user.disabled else None

    def own(self) -> RtUser | None:
        """The user of this client's token; None if the token does not contain its user's id, or is not valid."""
        return self.of_token(self._token)

    def can_create_in(self, catalog: str) -> bool | None:
        """Whether the client's user may create assets in the catalog; None if it does not exist, or the user may not see it."""
        query: Query = []
        rows = (row for rows in read_all(self._transport, query, NAMES, path="catalogs") for row in rows)
        found = next((row for row in rows if text(row.get("Name")) == catalog), None)
        if found is None:
            return None
        # RT shows this link to users with CreateAsset only.
        return any(link.get("ref") == "create" for link in self._links(f"catalog/{number(found.get('id'))}"))

    def can_see_all_assets(self) -> bool:
        # RT counts results for users with ShowAsset in all catalogs only.
        return read_page(self._transport, [{"field": "id", "operator": ">", "value": 0}], NAMES, size=1).total is not None

    def can_change_newest_asset(self) -> tuple[int, bool] | None:
        """The newest asset's id, and whether RT offers to change its status. If not, the lifecycle may be the reason too.

        None if the client's user can see no asset. Raises RtNotFound.
        """
        page = read_page(self._transport, [{"field": "id", "operator": ">", "value": 0}], NAMES, size=1, order="DESC")
        if not page.rows:
            return None
        asset_id = number(page.rows[0].get("id"))
        return asset_id, any(link.get("ref") == "lifecycle" for link in self._links(f"asset/{asset_id}"))

    def can_see_users(self) -> bool:
        """Whether the client's user may read other users' names and numbers, which assigning assets needs. Raises RtNotFound."""
        # RT omits the number for users without AdminUsers.
        body = self._transport.get(f"user/{NOBODY}").body
        return isinstance(body, dict) and "id" in body

    def _by_name_of_digits(self, name: str) -> RtUser:
        # In an address it would be taken for a user's number. In a search the row's id is the name, unless `id` is requested.
        query: Query = [{"field": "Name", "operator": "=", "value": name}]
        page = read_page(self._transport, query, {"fields": "id,Name,RealName,EmailAddress,Privileged,Disabled"}, path="users")
        for row in page.rows:
            if text(row.get("Name")) == name:
                return user_of(row)
        raise _no_user(name)

    def _links(self, path: str) -> list[dict[str, Any]]:
        body = self._transport.get(path).body
        links = body.get("_hyperlinks") if isinstance(body, dict) else None
        if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
            raise malformed(_("the links of a record"))
        return links


def _no_user(name: str) -> RtNotFound:
    return RtNotFound(_("Request Tracker has no user %(name)s. Check the name.", name=repr(name)), status=404)
