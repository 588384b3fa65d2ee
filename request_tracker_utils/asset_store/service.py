"""The directory of assets, whoever keeps it: one interface, the same words and the same errors."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound, Unavailable, UpstreamRefused

LARGEST_ID = 2**31 - 1
"""Request Tracker's ids are 32-bit integers; a larger number names no asset."""


class AssetNotFound(NotFound):
    """The directory has no such asset."""

    code = "asset_not_found"


class AssetStoreUnreachable(Unavailable):
    """No answer in time. A write may or may not have been carried out."""

    code = "directory_unreachable"


class AssetStoreRefused(UpstreamRefused):
    """The directory answered that it will not: a bad token, no permission. Nothing was changed."""

    code = "directory_refused"


class AssetStoreBroken(UpstreamRefused):
    """The directory answered with a fault of its own, or not in its language. A write may or may not have been carried out."""

    code = "directory_broken"


class AssetStoreConflict(Conflict):
    """The asset changed meanwhile, or a write was answered as done and reads back otherwise."""

    code = "directory_conflict"


class AssetStoreInvalid(Invalid):
    """The directory says that what was sent does not fit (an unknown custom field, a bad value)."""

    code = "directory_invalid"


class AssetStoreBusy(Unavailable):
    """Too many requests wait for the directory at this moment. Nothing was changed."""

    code = "directory_busy"


class UserNotFound(NotFound):
    """Request Tracker has no such user."""

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
"""What may become of a change to an asset."""


class SerialTaken(Conflict):
    """`asset_id` names the asset that has the serial number, where that is known."""

    code = "serial_taken"


@dataclass(frozen=True)
class Asset:
    """One asset as the directory holds it. Text that is not set is empty; `fields` holds every custom field by name."""

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

    @property
    def holders(self) -> list[str]:
        """Names of the users who hold it: Request Tracker allows several."""
        return [name for name in self.holder.split(", ") if name]

    @property
    def is_deleted(self) -> bool:
        """Searches leave out deleted assets, but they can still be read by id."""
        return self.status == "deleted"

    def is_held_by(self, name: str) -> bool:
        """Without case."""
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
    """Empty for the one that the directory gives by itself."""


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
    """`asset_ids` are those to which it is linked."""

    id: int
    asset_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class AssetPage:
    """One page of a search. `more` says that a next page exists."""

    assets: list[Asset]
    page: int
    more: bool


def serial_taken(serial: str, holders: list[Asset]) -> SerialTaken:
    return serial_taken_by(serial, holders[0].id if holders else None)


def serial_taken_by(serial: str, asset_id: int | None) -> SerialTaken:
    holder = f" (Asset #{asset_id})" if asset_id else ""
    return SerialTaken(f"Serial number {serial} already exists{holder}", field="serial_number", asset_id=asset_id)


class AssetStore(Protocol):
    """Finds and changes assets. Every row that comes back has been checked against what was asked.

    All methods raise DirectoryUnreachable, DirectoryRefused and DirectoryBroken. No method may be called while a
    database transaction is open.
    """

    kind: str
    """`rt` or `embedded`."""

    def get(self, asset_id: int) -> Asset:
        """Raises AssetNotFound."""

    def get_many(self, asset_ids: Iterable[int]) -> Iterator[list[Asset]]:
        """The assets that exist, in the order asked, in chunks as they arrive; those that do not exist are left out."""

    def find_by_name(self, name: str) -> list[Asset]:
        """Every asset with exactly this name (names need not be unique in Request Tracker)."""

    def find_by_names(self, names: Iterable[str]) -> list[Asset]:
        """Every asset with exactly one of these names, by id."""

    def held_by(self, usernames: Iterable[str]) -> list[Asset]:
        """Assets that any of these users holds or owns, compared without case, by id."""

    def every_asset(self) -> Iterator[list[Asset]]:
        """All assets with their names and holders, in chunks by id; serial number, model and further fields need not be there."""

    def find_by_serial(self, serial: str) -> list[Asset]:
        """Every asset with this serial number, compared without case."""

    def find_by_serials(self, serials: Iterable[str]) -> list[Asset]:
        """Every asset with any of these serial numbers, compared without case, by id."""

    def search(self, text: str, *, catalog: str = "", holder: str = "", page: int = 1, page_size: int = 50) -> AssetPage:
        """Assets whose name, serial number or model holds `text`, and that `holder` holds (a user's whole name, without case); all of them
        where nothing is said. Ordered by id, newest first."""

    def names_beginning_with(self, prefix: str, *, any_case: bool = False) -> Iterator[list[tuple[int, str]]]:
        """Id and name of every asset whose name begins with `prefix`, in chunks; with case, unless `any_case`."""

    def named_otherwise(
        self, prefixes: Iterable[str], *, catalogs: Iterable[str], text: str = "", brief: bool = False
    ) -> Iterator[list[Asset]]:
        """Assets of these catalogs whose name begins with none of the prefixes (without case), by chunks in the order of ids; with `text`
        only those whose name, serial number or model holds it. Without a text they may be `brief`: more than id, name and catalog need not
        be there."""

    def query(self, query: str, *, limit: int, beyond: int = 0) -> Iterator[list[Asset]]:
        """What a query in the directory's own language finds of the assets with numbers `beyond` one: by id, in chunks as they arrive.

        Raises DirectoryInvalid for one that cannot be trusted (Request Tracker answers a query that it does not understand with
        every asset).
        """

    def count(self, query: str) -> int:
        """How many assets a query finds. Raises DirectoryInvalid like `query`."""

    def create(self, new: NewAsset) -> int:
        """Creates an asset in one request, and returns its number. What the directory made of it (Request Tracker may change values, a
        webhook the name) is for whoever needs it to read.

        Raises DirectoryInvalid, DirectoryBusy, and SerialTaken where the directory itself keeps serial numbers apart.
        After DirectoryUnreachable and DirectoryBroken the asset may exist.
        """

    def rename(self, asset_id: int, name: str, *, seen: str | None = None) -> str:
        """Sets the name, makes sure of it, and returns the old name. With `seen`, the name that was read a moment ago, Request Tracker is
        asked once where it would be asked three times. Raises AssetNotFound, DirectoryInvalid, DirectoryConflict."""

    def set_holder(self, asset_id: int, username: str) -> None:
        """Makes `username` holder and owner; an empty name makes it nobody's. Read back. Raises AssetNotFound, DirectoryInvalid."""

    def catalogs(self) -> list[str]:
        """Names of the catalogs that can be seen, sorted."""

    def user(self, name_or_number: str) -> AssetStoreUser:
        """A user by name; what is made of digits is a number where nobody is called so. Raises UserNotFound, NoRequestTracker."""

    def create_ticket(self, new: NewTicket) -> Ticket:
        """Raises DirectoryInvalid, NoRequestTracker. Assets that do not exist are missing from the ticket's links. After
        DirectoryUnreachable and DirectoryBroken the ticket may exist."""

    def tickets_with_mark(self, mark: str) -> list[Ticket]:
        """Tickets whose subject ends with this text. Raises NoRequestTracker."""

    def link_ticket(self, ticket_id: int, asset_ids: Iterable[int]) -> Ticket:
        """Adds links to assets. Raises DirectoryInvalid for those that do not exist, NoRequestTracker."""

    def ticket_address(self, ticket_id: int) -> str:
        """Where a person sees the ticket in a browser."""

    def version(self) -> str:
        """Of the software that keeps it, in its own words. One call; it tells whether the directory answers at all."""

    def page_address(self, asset_id: int) -> str:
        """Where a person sees the asset in a browser."""
