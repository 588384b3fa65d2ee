"""The asset store of a site with Request Tracker, which stores the assets."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from time import monotonic

from request_tracker_utils.accounts.rt_tokens import RtIdentity
from request_tracker_utils.asset_store.service import (
    LARGEST_ID,
    Asset,
    AssetNotFound,
    AssetPage,
    AssetStoreBroken,
    AssetStoreBusy,
    AssetStoreConflict,
    AssetStoreInvalid,
    AssetStoreRefused,
    AssetStoreSearchFailed,
    AssetStoreUnreachable,
    AssetStoreUser,
    NewAsset,
    NewTicket,
    Ticket,
    UserNotFound,
)
from request_tracker_utils.core.errors import AppError, NotFound
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.rt import (
    RtAsset,
    RtClient,
    RtConflict,
    RtError,
    RtInvalid,
    RtNotFound,
    RtRefused,
    RtSearchFailed,
    RtUnreachable,
)

WORKERS = 8
"""Two processors of Request Tracker are busy with four; eight keep four busy. With more, a small Request Tracker becomes slower again."""
WORKERS_WITHOUT_SESSION = 4
"""Each call then occupies a processor of Request Tracker for 0.24 s, to check the token."""
SLOT_TIMEOUT = 0.2
"""Seconds that a request waits for a free slot."""
LONGEST_USER_ID = 9
"""Digits."""
CATALOGS_VALID_FOR = 300
"""Seconds for which the list of catalogs is cached."""
ERRORS: dict[type[RtError], type[AppError]] = {
    RtUnreachable: AssetStoreUnreachable,
    RtNotFound: AssetNotFound,
    RtConflict: AssetStoreConflict,
    RtSearchFailed: AssetStoreSearchFailed,
    RtInvalid: AssetStoreInvalid,
}


class RequestTrackerAssetStore:
    """New assets go to `default_catalog` unless they name another. `manufacturer_field` is the name of a custom field; the client has those
    of serial number and model. `slots` limits how many requests wait for Request Tracker: fewer than the program has threads.
    """

    kind = "rt"

    def __init__(
        self,
        client: RtClient,
        *,
        default_catalog: str,
        manufacturer_field: str = "Manufacturer",
        slots: BoundedSemaphore | None = None,
    ) -> None:
        self._slots = slots
        self._cached_catalogs: tuple[float, list[str]] = (float("-inf"), [])
        self._client, self._default_catalog = client, default_catalog
        self._serial, self._model, self._manufacturer = client.assets.serial_field, client.assets.model_field, manufacturer_field

    def __repr__(self) -> str:
        return f"RequestTrackerAssetStore({self._client!r})"

    def workers(self) -> int:
        return WORKERS if self._client.has_session() else WORKERS_WITHOUT_SESSION

    def version(self) -> str:
        with self._asking():
            return self._client.version()

    def get(self, asset_id: int) -> Asset:
        with self._asking(asset_id):
            return self._asset(self._client.assets.get(_possible(asset_id)))

    def get_many(self, asset_ids: Iterable[int]) -> Iterator[list[Asset]]:
        with self._asking():
            for assets in self._client.assets.get_many(asset_ids):
                yield [self._asset(each) for each in assets]

    def find_by_name(self, name: str) -> list[Asset]:
        with self._asking():
            return [self._asset(each) for each in self._client.assets.find_by_name(name)]

    def find_by_serial(self, serial: str) -> list[Asset]:
        with self._asking():
            return [self._asset(each) for each in self._client.assets.find_by_serial(serial)]

    def find_by_serials(self, serials: Iterable[str]) -> list[Asset]:
        with self._asking():
            return [self._asset(each) for each in self._client.assets.find_by_serials(serials)]

    def find_by_serials_or_names(self, serials: Iterable[str], names: Iterable[str]) -> list[Asset]:
        with self._asking():
            return [self._asset(each) for each in self._client.assets.find_by_serials_or_names(serials, names)]

    def search(self, text: str, *, catalog: str = "", holder: str = "", page: int = 1, page_size: int = 50) -> AssetPage:
        if holder:
            return self._held_by(holder, text, catalog, page, page_size)
        with self._asking():
            found = self._client.assets.search(text, catalog=catalog, page=page, page_size=page_size)
        return AssetPage([self._asset(each) for each in found.assets], page, found.more)

    def _held_by(self, holder: str, text: str, catalog: str, page: int, page_size: int) -> AssetPage:
        """One user has few assets: all are requested, and filtered here."""
        with self._asking():
            owned = [self._asset(each) for each in self._client.assets.held_by([holder])]
        found = [asset for asset in reversed(owned) if asset.is_held_by(holder) and _matches(asset, text, catalog)]
        begin = (page - 1) * page_size
        return AssetPage(found[begin : begin + page_size], page, len(found) > begin + page_size)

    def names_beginning_with(self, prefix: str, *, any_case: bool = False) -> Iterator[list[tuple[int, str]]]:
        with self._asking():
            yield from self._client.assets.names_beginning_with(prefix, any_case=any_case)

    def without_prefix(
        self, prefixes: Iterable[str], *, catalogs: Iterable[str], text: str = "", brief: bool = False
    ) -> Iterator[list[Asset]]:
        with self._asking():
            for assets in self._client.assets.without_prefix(prefixes, catalogs=catalogs, text=text, brief=brief):
                yield [self._asset(each) for each in assets]

    def query(self, query: str, *, limit: int, after_id: int = 0) -> Iterator[list[Asset]]:
        with self._asking():
            for assets in self._client.assets.query(query, limit=limit, after_id=after_id):
                yield [self._asset(each) for each in assets]

    def count(self, query: str) -> int:
        with self._asking():
            return self._client.assets.count(query)

    def create(self, new: NewAsset) -> int:
        fields = {**new.fields, self._serial: new.serial, self._model: new.model, self._manufacturer: new.manufacturer}
        fields = {name: value for name, value in fields.items() if value}
        with self._asking():
            return self._client.assets.create(new.name, catalog=new.catalog or self._default_catalog, fields=fields, status=new.status)

    def rename(self, asset_id: int, name: str, *, old_name: str | None = None) -> str:
        with self._asking(asset_id):
            return self._client.assets.rename(_possible(asset_id), name, old_name=old_name)

    def set_holder(self, asset_id: int, username: str) -> None:
        with self._asking(asset_id):
            self._client.assets.set_holder(_possible(asset_id), username)

    def field_problems(self, fields: Iterable[str]) -> list[str]:
        with self._asking():
            return list(self._client.custom_fields.problems(fields).values())

    def find_by_names(self, names: Iterable[str]) -> list[Asset]:
        with self._asking():
            return [self._asset(each) for each in self._client.assets.find_by_names(names)]

    def held_by(self, usernames: Iterable[str]) -> list[Asset]:
        with self._asking():
            return [self._asset(each) for each in self._client.assets.held_by(usernames)]

    def every_asset(self) -> Iterator[list[Asset]]:
        with self._asking():
            for assets in self._client.assets.every_asset():
                yield [self._asset(each) for each in assets]

    def user(self, name_or_number: str) -> AssetStoreUser:
        is_number = name_or_number.isascii() and name_or_number.isdigit() and len(name_or_number) <= LONGEST_USER_ID
        with self._asking():
            try:
                found = self._client.users.by_name(name_or_number)
            except RtNotFound as error:
                if not is_number:
                    raise UserNotFound(error.message) from None
                try:
                    found = self._client.users.by_id(int(name_or_number))
                except RtNotFound:
                    raise UserNotFound(error.message) from None
        return AssetStoreUser(found.id, found.name, found.real_name, found.email, found.privileged)

    def create_ticket(self, new: NewTicket) -> Ticket:
        requestor = "" if new.requestor is None else str(new.requestor)
        with self._asking():
            created = self._client.tickets.create(
                queue=new.queue, subject=new.subject, body=new.body, requestor=requestor, asset_ids=new.asset_ids
            )
        return Ticket(created.id, created.assets)

    def tickets_with_mark(self, mark: str) -> list[Ticket]:
        with self._asking():
            found = [self._client.tickets.get(ticket_id) for ticket_id in self._client.tickets.with_mark(mark)]
        return [Ticket(each.id, each.assets) for each in found]

    def link_ticket(self, ticket_id: int, asset_ids: Iterable[int]) -> Ticket:
        with self._asking():
            linked = self._client.tickets.link(ticket_id, asset_ids)
        return Ticket(linked.id, linked.assets)

    def ticket_address(self, ticket_id: int) -> str:
        return self._client.tickets.address(ticket_id)

    def catalogs(self) -> list[str]:
        read_at, catalogs = self._cached_catalogs
        if monotonic() - read_at > CATALOGS_VALID_FOR:
            with self._asking():
                catalogs = self._client.assets.catalogs()
            self._cached_catalogs = (monotonic(), catalogs)
        return catalogs

    def page_address(self, asset_id: int) -> str:
        return self._client.assets.address(asset_id)

    def of_token(self, token: str) -> RtIdentity | None:
        """The user of a Request Tracker token, asked with that token; None if it is not valid."""
        with self._asking():
            user = self._client.users.of_token(token)
        return None if user is None else RtIdentity(user.id, user.name, user.privileged)

    def named(self, name_or_number: str) -> RtIdentity:
        """A user of Request Tracker by name, or by number if `name_or_number` is digits. Raises NotFound."""
        with self._asking():
            try:
                users = self._client.users
                user = users.by_id(int(name_or_number)) if name_or_number.isdecimal() else users.by_name(name_or_number)
            except RtNotFound as error:
                raise NotFound(error.message, field="rt_user") from None
        return RtIdentity(user.id, user.name, user.privileged)

    @contextmanager
    def _asking(self, asset_id: int | None = None) -> Iterator[None]:
        """Takes a slot, and translates Request Tracker's errors.

        Request Tracker calls our webhook before it answers a creation: if all threads waited for it, none could answer the webhook.
        """
        if self._slots is not None and not self._slots.acquire(timeout=SLOT_TIMEOUT):
            raise AssetStoreBusy(_("Many requests are waiting for Request Tracker. Nothing was changed; try again in a few seconds."))
        try:
            yield
        except RtNotFound as error:
            if asset_id is None:
                raise AssetNotFound(error.message) from None
            raise AssetNotFound(_("Asset not found"), asset_id=asset_id) from None
        except RtRefused as error:
            refused = error.status in (401, 403)
            raise (AssetStoreRefused if refused else AssetStoreBroken)(error.message) from None
        except RtError as error:
            raise next(ours for kind, ours in ERRORS.items() if isinstance(error, kind))(error.message) from None
        finally:
            if self._slots is not None:
                self._slots.release()

    def _asset(self, row: RtAsset) -> Asset:
        return Asset(
            id=row.id,
            name=row.name,
            serial=row.fields.get(self._serial, ""),
            model=row.fields.get(self._model, ""),
            manufacturer=row.fields.get(self._manufacturer, ""),
            catalog=row.catalog,
            status=row.status,
            holder=", ".join(row.holders),
            owner=row.owner,
            fields=row.fields,
            created_at=row.created_at,
        )


def _matches(asset: Asset, text: str, catalog: str) -> bool:
    in_catalog = not catalog or asset.catalog.casefold() == catalog.casefold()
    return in_catalog and any(text.casefold() in each.casefold() for each in (asset.name, asset.serial, asset.model))


def _possible(asset_id: int) -> int:
    if not 0 < asset_id <= LARGEST_ID:
        raise RtNotFound(_("Asset not found"))
    return asset_id
