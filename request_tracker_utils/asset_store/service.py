"""Where assets are stored: one interface and one set of errors, for Request Tracker and for the embedded store."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound, Unavailable, UpstreamRefused
from request_tracker_utils.core.translation import gettext as _

LARGEST_ID = 2**31 - 1
"""Request Tracker's ids are 32-bit integers: no asset has a larger number."""


class AssetNotFound(NotFound):
    """The asset does not exist."""

    code = "asset_not_found"


class AssetStoreUnreachable(Unavailable):
    """No answer in time. A write may or may not have been carried out."""

    code = "directory_unreachable"


class AssetStoreRefused(UpstreamRefused):
    """The asset store rejected the request because of an invalid token or a missing permission. Nothing was changed."""

    code = "directory_refused"


class AssetStoreBroken(UpstreamRefused):
    """The asset store had an internal error or sent an invalid response. A write may or may not have been carried out."""

    code = "directory_broken"


class AssetStoreConflict(Conflict):
    """Another user changed the asset, or an acknowledged write did not take effect."""

    code = "directory_conflict"


class AssetStoreInvalid(Invalid):
    """The asset store rejects the values that were sent (an unknown custom field, a bad value)."""

    code = "directory_invalid"


class AssetStoreSearchFailed(AssetStoreInvalid):
    """The asset store could not run a search. That is not the same as a search without results."""


class AssetStoreBusy(Unavailable):
    """Too many requests are waiting for the asset store. Nothing was changed."""

    code = "directory_busy"


class UserNotFound(NotFound):
    """The user does not exist in Request Tracker."""

    code = "user_not_found"


class NoRequestTracker(Conflict):
    """This installation has no Request Tracker: set RT_URL and RT_TOKEN."""

    code = "no_request_tracker"


CHANGE_ERRORS = (
    AssetNotFound,
    AssetStoreInvalid,
    AssetStoreConflict,
    AssetStoreRefused,
    AssetStoreBroken,
    AssetStoreUnreachable,
    AssetStoreBusy,
)
"""The errors that a change of an asset may raise."""


class SerialTaken(Conflict):
    """`asset_id` is the asset with this serial number, if known."""

    code = "serial_taken"


@dataclass(frozen=True)
class Asset:
    """One asset. Text that is not set is empty; `fields` maps the names of all custom fields to their values."""

    id: int
    name: str
    serial: str = ""
    model: str = ""
    manufacturer: str = ""
    catalog: str = ""
    status: str = ""
    holder: str = ""
    owner: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    """By the clock of the asset store. None if it was not read."""

    @property
    def holders(self) -> list[str]:
        """User names: Request Tracker allows several holders."""
        return [name for name in self.holder.split(", ") if name]

    @property
    def serials(self) -> list[str]:
        """The whole serial number, and each of its values: a custom field of Request Tracker may have several, which are joined."""
        return list(dict.fromkeys([self.serial, *self.serial.split(", ")]))

    @property
    def is_deleted(self) -> bool:
        """Searches leave out deleted assets, but they can still be read by id."""
        return self.status == "deleted"

    def has_serial(self, serial: str) -> bool:
        """Ignores case."""
        return serial.lower() in [each.lower() for each in self.serials]

    def is_held_by(self, name: str) -> bool:
        """Ignores case."""
        return name.casefold() in [holder.casefold() for holder in self.holders]


@dataclass(frozen=True)
class NewAsset:
    name: str
    catalog: str = ""
    serial: str = ""
    model: str = ""
    manufacturer: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    """Further custom fields by name, such as `Funding Source`."""
    status: str = ""
    """Empty for the asset store's default."""


@dataclass(frozen=True)
class AssetStoreUser:
    id: int
    name: str
    real_name: str
    email: str
    is_privileged: bool


@dataclass(frozen=True)
class NewTicket:
    """`requestor` is a user's number."""

    queue: str
    subject: str
    body: str
    requestor: int | None = None
    asset_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Ticket:
    """`asset_ids` are the assets that it is linked to."""

    id: int
    asset_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class AssetPage:
    """One page of a search. `more` is true if there is a next page."""

    assets: list[Asset]
    page: int
    more: bool


def serial_taken(serial: str, asset_id: int | None) -> SerialTaken:
    if asset_id is None:
        message = _("Serial number %(serial)s already exists", serial=serial)
    else:
        message = _("Serial number %(serial)s already exists (Asset #%(asset_id)s)", serial=serial, asset_id=asset_id)
    return SerialTaken(message, field="serial_number", asset_id=asset_id)


class AssetStore(Protocol):
    """Finds and changes assets. Every asset that is returned has been checked to match the search.

    All methods raise AssetStoreUnreachable, AssetStoreRefused and AssetStoreBroken. No method may be called while a database transaction is
    open.
    """

    kind: str
    """`rt` or `embedded`."""

    def workers(self) -> int:
        """How many changes a task or job sends at a time, so that people can still work with the asset store. May send a request."""

    def get(self, asset_id: int) -> Asset:
        """Raises AssetNotFound."""

    def get_many(self, asset_ids: Iterable[int]) -> Iterator[list[Asset]]:
        """The assets that exist, in the given order, in chunks as they arrive."""

    def find_by_name(self, name: str) -> list[Asset]:
        """All assets with exactly this name: names are not unique in Request Tracker."""

    def find_by_names(self, names: Iterable[str]) -> list[Asset]:
        """All assets with exactly one of these names, by id."""

    def held_by(self, usernames: Iterable[str]) -> list[Asset]:
        """Assets with any of these users as holder or owner, ignoring case, by id."""

    def every_asset(self) -> Iterator[list[Asset]]:
        """All assets with names and holders, in chunks, by id. Serial number, model and other fields may be missing."""

    def find_by_serial(self, serial: str) -> list[Asset]:
        """All assets with this serial number, ignoring case."""

    def find_by_serials(self, serials: Iterable[str]) -> list[Asset]:
        """All assets with any of these serial numbers, ignoring case, by id."""

    def find_by_serials_or_names(self, serials: Iterable[str], names: Iterable[str]) -> list[Asset]:
        """All assets with any of these serial numbers (ignoring case) or exactly one of these names, by id. One request for two hundred
        of each."""

    def search(self, text: str, *, catalog: str = "", holder: str = "", page: int = 1, page_size: int = 50) -> AssetPage:
        """Assets with `text` in their name, serial number or model, and with this holder (a whole user name, ignoring case). Newest
        first."""

    def names_beginning_with(self, prefix: str, *, any_case: bool = False) -> Iterator[list[tuple[int, str]]]:
        """Id and name of all assets whose name begins with `prefix`, in chunks. Case matters unless `any_case`."""

    def without_prefix(
        self, prefixes: Iterable[str], *, catalogs: Iterable[str], text: str = "", brief: bool = False
    ) -> Iterator[list[Asset]]:
        """Assets of these catalogs whose name begins with none of the prefixes (ignoring case), in chunks, by id; with `text` only those
        whose name, serial number or model contains it. Without `text` they may be `brief`: everything but id, name and catalog may be
        missing then."""

    def query(self, query: str, *, limit: int, after_id: int = 0) -> Iterator[list[Asset]]:
        """Assets with ids greater than `after_id` that match a query in the asset store's own language: by id, in chunks as they arrive.

        Raises AssetStoreInvalid for a query that cannot be trusted (Request Tracker answers one that it does not understand with every
        asset).
        """

    def count(self, query: str) -> int:
        """How many assets match a query. Raises AssetStoreInvalid like `query`."""

    def create(self, new: NewAsset) -> int:
        """Creates an asset in one request, and returns its id. The asset is not read back: Request Tracker may have changed values, and its
        webhook the name.

        Raises AssetStoreInvalid, AssetStoreBusy, and SerialTaken if the asset store requires unique serial numbers.
        After AssetStoreUnreachable and AssetStoreBroken the asset may exist.
        """

    def rename(self, asset_id: int, name: str, *, old_name: str | None = None) -> str:
        """Sets the name, verifies it, and returns the old name. With `old_name`, the name that was read a moment ago, this takes one
        request to Request Tracker instead of three. Raises AssetNotFound, AssetStoreInvalid, AssetStoreConflict."""

    def set_holder(self, asset_id: int, username: str) -> None:
        """Sets holder and owner to `username`, and verifies it. An empty name removes both. Raises AssetNotFound, AssetStoreInvalid."""

    def field_problems(self, fields: Iterable[str]) -> list[str]:
        """One sentence for each of these custom fields that assets do not have."""

    def catalogs(self) -> list[str]:
        """Names of the visible catalogs, sorted."""

    def user(self, name_or_number: str) -> AssetStoreUser:
        """By name; digits that are not a user's name are a user's number. Raises UserNotFound, NoRequestTracker."""

    def create_ticket(self, new: NewTicket) -> Ticket:
        """Assets that do not exist are missing from the ticket's links. Raises AssetStoreInvalid, NoRequestTracker. After
        AssetStoreUnreachable and AssetStoreBroken the ticket may exist."""

    def tickets_with_mark(self, mark: str) -> list[Ticket]:
        """Tickets whose subject ends with this text. Raises NoRequestTracker."""

    def link_ticket(self, ticket_id: int, asset_ids: Iterable[int]) -> Ticket:
        """Adds links to assets. Raises AssetStoreInvalid for assets that do not exist, NoRequestTracker."""

    def ticket_address(self, ticket_id: int) -> str:
        """Of the ticket's page."""

    def version(self) -> str:
        """The version of the asset store's software. One request; it shows whether the asset store answers and accepts our token."""

    def page_address(self, asset_id: int) -> str:
        """Of the asset's page."""
