"""An asset store with tickets, in memory: it may stop answering before or after a ticket is created."""

from collections.abc import Callable, Iterable

from request_tracker_utils.asset_store.service import Asset, AssetStoreInvalid, AssetStoreUser, NewTicket, Ticket, UserNotFound
from tests.services.loose_asset_store import LooseAssetStore

Do = Callable[[], Ticket]


class Desk(LooseAssetStore):
    """`on_ticket` gets the ticket and the function that creates it. `users` are name → number."""

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[int, NewTicket] = {}
        self.links: dict[int, set[int]] = {}
        self.users: dict[str, int] = {}
        self.on_ticket: Callable[[NewTicket, Do], Ticket] = lambda _new, do: do()
        self.on_look: Callable[[], None] = lambda: None

    def find_by_names(self, names: Iterable[str]) -> list[Asset]:
        return [asset for name in names for asset in self.find_by_name(name)]

    def held_by(self, usernames: Iterable[str]) -> list[Asset]:
        self._searched("held_by")
        wanted = {name.casefold() for name in usernames}
        return [asset for asset in self.assets.values() if {asset.holder.casefold(), asset.owner.casefold()} & wanted]

    def user(self, name_or_number: str) -> AssetStoreUser:
        self.calls.append("user")
        if name_or_number not in self.users:
            raise UserNotFound(f"Request Tracker has no user {name_or_number!r}.")
        return AssetStoreUser(self.users[name_or_number], name_or_number, "", "", False)

    def create_ticket(self, new: NewTicket) -> Ticket:
        self.calls.append("create_ticket")
        return self.on_ticket(new, lambda: self.make(new))

    def make(self, new: NewTicket) -> Ticket:
        number = len(self.tickets) + 501
        self.tickets[number] = new
        self.links[number] = set(new.asset_ids) & self.assets.keys()
        return self._ticket(number)

    def tickets_with_mark(self, mark: str) -> list[Ticket]:
        self.calls.append("tickets_with_mark")
        self.on_look()
        return [self._ticket(number) for number, new in self.tickets.items() if new.subject.endswith(mark)]

    def link_ticket(self, ticket_id: int, asset_ids: Iterable[int]) -> Ticket:
        if missing := [each for each in asset_ids if each not in self.assets]:
            raise AssetStoreInvalid(f"Ticket #{ticket_id} could not be linked to asset #{missing[0]}.")
        self.links[ticket_id] |= set(asset_ids)
        return self._ticket(ticket_id)

    def ticket_address(self, ticket_id: int) -> str:
        return f"http://rt.example/{ticket_id}"

    def _ticket(self, number: int) -> Ticket:
        return Ticket(number, tuple(sorted(self.links[number])))
