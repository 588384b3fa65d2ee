"""The client: one object, safe to use from several threads."""

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self

from request_tracker_utils.integrations.rt.errors import RtInvalid, RtNotFound, RtRefused
from request_tracker_utils.integrations.rt.people import People
from request_tracker_utils.integrations.rt.rights import Rights
from request_tracker_utils.integrations.rt.rows import RtAsset, RtAssetPage, RtUser, misshapen
from request_tracker_utils.integrations.rt.schema import Schema
from request_tracker_utils.integrations.rt.searches import Searches
from request_tracker_utils.integrations.rt.tickets import RtTicket, Tickets
from request_tracker_utils.integrations.rt.transport import OnRequest, Transport
from request_tracker_utils.integrations.rt.writes import Writes, read_asset


class RtClient:
    """Asks Request Tracker at `url` as the user of `token`.

    Every method raises RtUnreachable and RtRefused; RtNotFound, RtInvalid and RtConflict where it says so. Time-outs are
    seconds. Reads are repeated at most twice, none beginning later than `retry_within`; writes never are. A call costs Request
    Tracker about 0.2 s. Raises ValueError for a url, a token or a field's name that cannot be one.

    At most `pool_size` requests are under way at once; further threads wait. Proxies named in the environment are not used.
    Searches leave out assets whose status is `deleted`; `asset()` finds them.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        api_endpoint: str = "/REST/2.0",
        serial_field: str = "Serial Number",
        model_field: str = "Model",
        connect_timeout: float = 3.0,
        read_timeout: float = 10.0,
        retry_within: float = 15.0,
        pool_size: int = 16,
        ca_bundle: str | None = None,
        on_request: OnRequest | None = None,
    ) -> None:
        for name in (serial_field, model_field):
            if not name or not name.isprintable() or set(name) & set("{}'\"\\"):
                raise ValueError(f"{name!r} cannot be the name of a custom field in a search.")
        self.serial_field, self.model_field = serial_field, model_field
        self._transport = Transport(
            url,
            token,
            api_endpoint=api_endpoint,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retry_within=retry_within,
            pool_size=pool_size,
            ca_bundle=ca_bundle,
            on_request=on_request,
        )
        self._schema, self._people = Schema(self._transport), People(self._transport)
        self._searches = Searches(self._transport, self._schema, serial_field=serial_field, model_field=model_field)
        self._writes, self._tickets = Writes(self._transport, self._people), Tickets(self._transport)
        self._rights, self._token = Rights(self._transport), token

    def __repr__(self) -> str:
        return f"RtClient({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def url(self) -> str:
        """Where people see it, without a slash at the end."""
        return self._transport.url

    def rt_version(self) -> str:
        """Such as `5.0.3`. One call; it tells whether address and token are right."""
        try:
            body = self._transport.get("rt").body
        except RtNotFound:
            raise RtRefused(f"There is no REST 2.0 of Request Tracker at {self.url}. Check RT_URL and API_ENDPOINT.", status=404) from None
        if not isinstance(body, dict) or not isinstance(body.get("Version"), str):
            raise misshapen("the version")
        return str(body["Version"])

    def asset(self, asset_id: int) -> RtAsset:
        """Raises RtNotFound."""
        return read_asset(self._transport, asset_id)

    def assets(self, asset_ids: Iterable[int]) -> Iterator[list[RtAsset]]:
        """Those that exist, in the order asked, by hundreds as they arrive; two requests are under way at a time."""
        return self._searches.by_ids(asset_ids)

    def assets_named(self, name: str) -> list[RtAsset]:
        """Every asset with exactly this name; names are not unique in Request Tracker."""
        return self._searches.by_name(name)

    def assets_with_names(self, names: Iterable[str]) -> list[RtAsset]:
        """Every asset with exactly one of these names, by id; a hundred are asked for at once."""
        return self._searches.by_names(names)

    def every_asset(self) -> Iterator[list[RtAsset]]:
        """All assets by hundreds in the order of ids, without their custom fields.

        Raises RtRefused also when the token's user cannot see all assets.
        """
        return self._searches.every()

    def assets_with_serial(self, serial: str) -> list[RtAsset]:
        """Compared without case. Raises RtInvalid when nothing is found and the custom field does not exist."""
        return self._searches.by_serial(serial)

    def assets_with_serials(self, serials: Iterable[str]) -> list[RtAsset]:
        """Every asset with any of these, compared without case, by id; two hundred are asked for at once. Raises RtInvalid as above."""
        return self._searches.by_serials(serials)

    def assets_mentioning(self, text: str, *, catalog: str = "", page: int = 1, page_size: int = 50) -> RtAssetPage:
        """Assets whose name, serial number or model holds `text` (without case), newest first; an empty text finds all.

        At most 100 a page. A page may be shorter than asked although more follow. Raises RtInvalid for control characters.
        """
        return self._searches.by_text(text, catalog=catalog, page=page, page_size=page_size)

    def names_beginning_with(self, prefix: str, *, any_case: bool = False) -> Iterator[list[tuple[int, str]]]:
        """Id and name by hundreds in the order of ids; with case, unless `any_case`.

        Raises RtRefused also when the token's user cannot see all assets.
        """
        return self._searches.names_beginning_with(prefix, any_case=any_case)

    def assets_by_query(self, query: str, *, limit: int, beyond: int = 0) -> Iterator[list[RtAsset]]:
        """What an AssetSQL query finds of assets with numbers `beyond` one, by id, by hundreds as they arrive, at most `limit`.

        Raises RtInvalid unless RT proves to understand all of it.
        """
        return self._searches.by_query(query, limit=limit, beyond=beyond)

    def count_by_query(self, query: str) -> int:
        """How many assets an AssetSQL query finds, in two calls. Raises RtInvalid unless RT proves to understand all of it."""
        return self._searches.count_by_query(query)

    def assets_of(self, usernames: Iterable[str]) -> list[RtAsset]:
        """Assets that any of these users holds or owns, by id. Raises RtInvalid for control characters."""
        return self._searches.by_holders(usernames)

    def create_asset(self, name: str, *, catalog: str, fields: Mapping[str, str] | None = None, status: str = "") -> int:
        """The new asset's id. Asked once: after RtUnreachable it may exist.

        Raises RtInvalid, also for an unknown custom field (then nothing is created).
        """
        return self._writes.create(name, catalog=catalog, fields=fields or {}, status=status)

    def rename_asset(self, asset_id: int, name: str, *, etag: str | None = None, seen: str | None = None) -> str:
        """Sets the name, reads it back, and returns the old one. The change is bound to `etag`, or to the state just read.

        With `seen`, the name that was read a moment ago, nothing is read first, and back only where RT's answer does not say by itself that
        this name became the other: one request in place of three. Raises RtNotFound, RtInvalid, RtConflict.
        """
        return self._writes.rename(asset_id, name, etag=etag, seen=seen)

    def assets_named_otherwise(
        self, prefixes: Iterable[str], *, catalogs: Iterable[str], text: str = "", brief: bool = False
    ) -> Iterator[list[RtAsset]]:
        """Assets of these catalogs whose name begins with none of the prefixes (without case), by hundreds in the order of ids; with
        `text` only those whose name, serial number or model holds it. Without a text they may be `brief`: id, name and catalog alone, for
        which Request Tracker needs half the time. Raises RtInvalid for control characters."""
        return self._searches.named_otherwise(prefixes, catalogs=catalogs, text=text, brief=brief)

    def set_fields(self, asset_id: int, fields: Mapping[str, str]) -> None:
        """Sets custom fields and reads them back; an empty text empties one. Raises RtNotFound, RtInvalid, RtConflict."""
        self._writes.set_fields(asset_id, fields)

    def set_holder(self, asset_id: int, username: str) -> None:
        """Makes the user holder and owner and reads it back; an empty name makes it nobody's.

        Raises RtNotFound, RtInvalid (no such user), RtConflict.
        """
        self._writes.set_holder(asset_id, username)

    def catalogs(self) -> list[str]:
        """Names of the catalogs that the token's user sees, sorted."""
        return self._schema.catalogs()

    def custom_fields(self) -> list[str]:
        """Names of the custom fields of assets, sorted."""
        return self._schema.custom_fields()

    def user(self, name_or_id: str | int) -> RtUser:
        """By number when an int, else by name: a name made of digits is a name. Raises RtNotFound."""
        return self._people.by_id(name_or_id) if isinstance(name_or_id, int) else self._people.by_name(name_or_id)

    def user_of_token(self, token: str) -> RtUser | None:
        """Whose RT token this is, asked with that token; None when it is not good."""
        return self._people.of_token(token)

    def own_user(self) -> RtUser | None:
        """Whose token this client has; None where the token does not say, or is not good."""
        return self._people.of_token(self._token)

    def may_create_in(self, catalog: str) -> bool | None:
        """Whether the token's user may create assets in the catalog; None when there is no such catalog, or it is hidden."""
        return self._rights.may_create_in(catalog)

    def sees_every_asset(self) -> bool:
        """Whether the token's user may see the assets of all catalogs."""
        return self._rights.sees_every_asset()

    def may_change_newest(self) -> tuple[int, bool] | None:
        """The newest asset, and whether Request Tracker offers to change its status; that it does not may also be its lifecycle's
        way. None when the token's user sees no asset. Raises RtNotFound."""
        return self._rights.may_change_newest()

    def sees_users(self) -> bool:
        """Whether the token's user may read other users' names and numbers, as handing assets out needs. Raises RtNotFound."""
        return self._rights.sees_users()

    def ticket(self, ticket_id: int) -> RtTicket:
        """Raises RtNotFound."""
        return self._tickets.read(ticket_id)

    def create_ticket(self, *, queue: str, subject: str, body: str, requestor: str = "", asset_ids: Iterable[int] = ()) -> RtTicket:
        """Asked once. `requestor` is a user's number, or a name that is not made of digits, or an e-mail address; of others Request Tracker
        says nothing, and the ticket is nobody's. Assets that do not exist are missing from the answer's `assets`."""
        if not subject.strip():
            raise RtInvalid("A ticket needs a subject.")
        return self._tickets.create(queue=queue, subject=subject, body=body, requestor=requestor, asset_ids=asset_ids)

    def link_ticket(self, ticket_id: int, asset_ids: Iterable[int]) -> RtTicket:
        """Adds links to assets and reads them back. Raises RtNotFound, RtInvalid."""
        return self._tickets.link(ticket_id, asset_ids)

    def tickets_with_mark(self, mark: str) -> list[int]:
        """Numbers of the tickets whose subject ends with this text, by number."""
        return self._tickets.with_mark(mark)

    def ticket_address(self, ticket_id: int) -> str:
        return f"{self.url}/Ticket/Display.html?id={ticket_id}"

    def asset_address(self, asset_id: int) -> str:
        return f"{self.url}/Asset/Display.html?id={asset_id}"
