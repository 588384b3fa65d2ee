"""Many who create assets at once while Request Tracker's answers fail, and whether each of them was told the truth."""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.services.installation import Installation
from tests.services.local_server import Call, Reply
from tests.services.proxy import Forward
from tests.services.request_tracker import RequestTracker

PATIENCE = 3.0
"""Seconds after which the server gives Request Tracker up."""
FATES = ("unsent", "lost", "late", "error", "done, but error")
_PAGE = Reply(b"<html><body>An internal RT error has occurred.</body></html>", 500, {"Content-Type": "text/html"})


class BadDay:
    """What becomes of Request Tracker's answers: this share is lost, too late or an error, whether or not it did what was asked."""

    def __init__(self, seed: int, *, rate: float = 0.1) -> None:
        self._chance, self._lock, self._rate = random.Random(seed), threading.Lock(), rate
        self.fates = Counter[str]()

    def __call__(self, _call: Call, forward: Forward) -> Reply:
        with self._lock:
            fate = self._chance.choice(FATES) if self._chance.random() < self._rate else "as it should"
            self.fates[fate] += 1
        if fate == "unsent":
            return Reply(hang_up=True)
        if fate == "error":
            return _PAGE
        reply = forward()
        if fate == "late":
            time.sleep(PATIENCE + 0.7)
        return {"lost": Reply(hang_up=True), "done, but error": _PAGE}.get(fate, reply)


@dataclass(frozen=True)
class Told:
    status: int
    body: dict[str, Any]

    @property
    def asset_id(self) -> int | None:
        """Of the asset that has the serial number, where the answer says so."""
        told = self.body.get("asset_id", self.body.get("existing_asset_id"))
        return None if told is None else int(told)

    @property
    def may_ask_again(self) -> bool:
        return bool(self.body.get("retry"))


class Crowd:
    """`clients` callers at the same moment, each with `each` serial numbers of its own."""

    def __init__(self, installation: Installation, clients: int, each: int) -> None:
        self.installation, self.clients = installation, clients
        self.serials = [f"{installation.prefix}SN-{client}-{number}" for client in range(clients) for number in range(each)]
        self.first = installation.next_number()
        self.told = defaultdict[str, list[Told]](list)

    def create(self, *, tries: int) -> None:
        """Every asset that its caller does not know of; who is told to ask again does so at once, as often as this."""
        waiting = [serial for serial in self.serials if not self._is_known(serial)]
        with ThreadPoolExecutor(self.clients) as pool:
            list(pool.map(lambda serial: self._create(serial, tries), waiting))

    def unanswered(self) -> int:
        """Callers who do not know whether their asset exists."""
        return sum(not self._is_known(serial) for serial in self.serials)

    def settle(self, rounds: int = 5) -> None:
        """What was not answered is looked for, by the job that does so every half minute, and then asked for again: in several rounds,
        since on a slow machine an answer comes too late by itself.
        """
        for _ in range(rounds):
            self.installation.much_later("recover-creations")
            self.create(tries=1)
            if not self.unanswered():
                return

    def wrongs(self, rt: RequestTracker) -> list[str]:
        """All that is not as it should be when everybody knows of an asset."""
        names, holders = rt.all_assets(), defaultdict[str, list[int]](list)
        for asset_id, serial in rt.all_serials().items():
            holders[serial].append(asset_id)
        mine = {asset_id: names[asset_id] for serial in self.serials for asset_id in holders[serial]}
        return [wrong for serial in self.serials for wrong in self._wrong_of(serial, holders[serial], names)] + self._wrong_tags(mine)

    def _wrong_of(self, serial: str, holders: list[int], names: dict[int, str]) -> Iterator[str]:
        if len(holders) != 1:
            yield f"{serial}: assets {holders}"
        if not self._is_known(serial):
            yield f"{serial}: nobody was told"
        for told in self.told[serial]:
            if not _is_true(told, holders, names):
                yield f"{serial}: {told}, but the assets are {holders}"

    def _wrong_tags(self, names: dict[int, str]) -> list[str]:
        self.installation.wait_until_confirmed(names)
        tags = self.installation.tags_of(names)
        wanted = [self.installation.tag(self.first + number) for number in range(len(self.serials))]
        reserved = [row.tag for row in self.installation.rows() if row.state == "reserved"]
        named = [
            f"asset {asset_id} is called {name}, not {tags.get(asset_id)}" for asset_id, name in names.items() if tags.get(asset_id) != name
        ]
        gaps = [] if sorted(tags.values()) == wanted else [f"the tags are {sorted(tags.values())}"]
        return [*named, *gaps, *(f"{tag} is still reserved" for tag in reserved)]

    def _create(self, serial: str, tries: int) -> None:
        laptop = {"serial_number": serial, "manufacturer": "Dell", "model": "Chromebook 3100"}
        for _ in range(tries):
            answer = self.installation.call("POST", "/assets/create", json=laptop)
            self.told[serial].append(Told(answer.status_code, answer.json()))
            if not self.told[serial][-1].may_ask_again:
                return

    def _is_known(self, serial: str) -> bool:
        return any(told.asset_id for told in self.told[serial])


def _is_true(told: Told, holders: list[int], names: dict[int, str]) -> bool:
    """An answer that names an asset names the one that there is; any other leaves it open, for nobody was refused for good."""
    if told.asset_id is None:
        return told.may_ask_again and told.status in (400, 500)
    return [told.asset_id] == holders and told.body.get("asset_tag", names[told.asset_id]) == names[told.asset_id]
