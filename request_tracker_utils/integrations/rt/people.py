"""Users of Request Tracker, and who holds a token."""

import re
from urllib.parse import quote

from request_tracker_utils.integrations.rt.errors import RtNotFound, RtRefused
from request_tracker_utils.integrations.rt.pages import Query, read_page
from request_tracker_utils.integrations.rt.rows import RtUser, same, text, user_of
from request_tracker_utils.integrations.rt.transport import Transport

TOKEN = re.compile(r"1-([1-9][0-9]{0,9})-[0-9A-Za-z]{8,128}")


class People:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def by_id(self, user_id: int) -> RtUser:
        user = user_of(self._transport.get(f"user/{user_id}").body)
        if user.id != user_id:
            raise RtRefused(f"Request Tracker was asked for user {user_id} and answered with {user.id}.")
        return user

    def by_name(self, name: str) -> RtUser:
        if not name or not name.isprintable() or name in (".", "..") or "/" in name:
            raise RtNotFound(f"Request Tracker has no user {name!r}.")
        if name.isdecimal():
            return self._by_name_of_digits(name)
        try:
            user = user_of(self._transport.get(f"user/{quote(name, safe='')}").body)
        except RtNotFound:
            raise RtNotFound(f"Request Tracker has no user {name!r}.", status=404) from None
        if not same(user.name, name):
            raise RtNotFound(f"Request Tracker has no user {name!r}.")
        return user

    def _by_name_of_digits(self, name: str) -> RtUser:
        # In an address it would be taken for a user's number. In a search the row's id is the name, unless `id` is asked for.
        query: Query = [{"field": "Name", "operator": "=", "value": name}]
        page = read_page(self._transport, query, {"fields": "id,Name,RealName,EmailAddress,Privileged,Disabled"}, path="users")
        for row in page.rows:
            if text(row.get("Name")) == name:
                return user_of(row)
        raise RtNotFound(f"Request Tracker has no user {name!r}.")

    def of_token(self, token: str) -> RtUser | None:
        form = TOKEN.fullmatch(token)
        if form is None:
            return None
        user_id = int(form.group(1))
        try:
            user = user_of(self._transport.get(f"user/{user_id}", auth_token=token).body)
        except RtNotFound:
            return None
        except RtRefused as refusal:
            if refusal.status in (401, 403):
                return None
            raise
        return user if user.id == user_id and not user.disabled else None
