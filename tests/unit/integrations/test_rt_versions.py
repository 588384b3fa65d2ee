"""The client with answers of Request Tracker 5 and 6: the same result, although they answer differently."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from request_tracker_utils.asset_store.request_tracker import RequestTrackerAssetStore
from request_tracker_utils.asset_store.service import AssetStoreInvalid, AssetStoreSearchFailed
from request_tracker_utils.integrations.rt import RtClient, RtConflict, RtInvalid, RtNotFound, RtRefused, RtSearchFailed
from tests.services.local_server import Call, LocalServer, Reply
from tests.services.tables import check_all
from tests.unit.integrations.conftest import TOKEN

ANSWERS = Path(__file__).parent / "answers"
MANY_TERMS = " OR ".join(f"RefersTo = {number}" for number in range(70))
LIMITED_NOTHING, LIMITED = "nothing found by a user who may not see everything", "everything for a user who may not see everything"


class Recorded:
    """The answers of one version. `respond` may be replaced; without it, a call is an error of the test."""

    def __init__(self, version: str, server: LocalServer) -> None:
        self._answers: dict[str, Any] = json.loads((ANSWERS / f"rt-{version}.json").read_text())
        self.version, self.server = version, server

    def __getitem__(self, name: str) -> Reply:
        answer = self._answers[name]
        return Reply(answer["body"] or b"", answer["status"], {"ETag": answer["etag"]} if answer["etag"] else {})

    def body(self, name: str) -> Any:
        return self._answers[name]["body"]

    def searches(self, name: str, *, control: str = "everything") -> None:
        """Searches are answered so. `control` is the answer to the search for everything."""

        def respond(call: Call) -> Reply:
            return self[control] if _is_control(call) else self[name]

        self.server.respond = respond


def _is_control(call: Call) -> bool:
    return call.body in (b'[{"field": "id", "operator": ">", "value": 0}]', b"query=id+%3E+0")


@pytest.fixture(params=["5.0.3", "6.0.0"])
def recorded(request: pytest.FixtureRequest, server: LocalServer) -> Recorded:
    return Recorded(request.param, server)


@pytest.fixture
def six(server: LocalServer) -> Recorded:
    return Recorded("6.0.0", server)


@pytest.fixture
def client(server: LocalServer) -> Iterator[RtClient]:
    with RtClient(server.url, TOKEN, retry_within=0, use_session=False) as client:
        yield client


def test_what_is_found_is_read_alike(recorded: Recorded, client: RtClient, server: LocalServer) -> None:
    server.respond = lambda call: recorded["version"]
    assert client.version().startswith(recorded.version)
    recorded.searches("search")
    (found,) = client.assets.find_by_serial("abc123")
    assert (found.id, found.name, found.catalog, found.holders, found.owner) == (6, "W12-0001", "Cables", ("student1001",), "student1001")
    assert (found.fields["Serial Number"], found.fields["Model"]) == ("ABC123", "HDMI 2 m")
    server.respond = lambda call: recorded["asset"]
    assert client.assets.get(6).etag
    server.respond = lambda call: recorded["create"]
    assert client.assets.create("W12-0001", catalog="Cables") == 6


def test_nothing_found_is_no_error(recorded: Recorded, client: RtClient) -> None:
    for name, control in (("nothing found", "everything"), (LIMITED_NOTHING, LIMITED)):
        recorded.searches(name, control=control)
        assert client.assets.find_by_name("nope") == []
        assert client.assets.find_by_names(["nope"]) == []
        assert list(client.assets.get_many([99])) == [[]]


def test_errors_are_alike(recorded: Recorded, client: RtClient, server: LocalServer) -> None:
    def check(name: str, ask: Callable[[], object], kind: type[Exception], text: str) -> None:
        server.respond = lambda call: recorded[name]
        with pytest.raises(kind, match=text):
            ask()

    create = lambda: client.assets.create("x", catalog="Nope", fields={"Nope": "x"})  # noqa: E731
    check_all(
        [
            ("unknown field", create, RtInvalid, "'Nope'"),
            ("unknown catalog", create, RtRefused, "no catalog 'Nope'"),
            ("not found", lambda: client.assets.get(99_999), RtNotFound, "does not exist"),
            ("bad token", client.version, RtRefused, "RT_TOKEN"),
        ],
        check,
    )


def test_a_rename_is_confirmed_and_a_refused_one_is_noticed(recorded: Recorded, client: RtClient, server: LocalServer) -> None:
    server.respond = lambda call: recorded["rename"]
    assert client.assets.rename(6, "W12-0002", old_name="W12-0001") == "W12-0001"
    assert len(server.calls) == 1
    server.respond = lambda call: recorded["refused rename" if call.method == "PUT" else "asset"]
    with pytest.raises(RtInvalid, match="Illegal value"):
        client.assets.rename(6, "W12-0002", old_name="W12-0001")


def test_a_holder_whose_user_vanished_costs_nobody_the_present_holder(recorded: Recorded, client: RtClient, server: LocalServer) -> None:
    """The user is deleted between the search for it and the change of the asset."""
    holders = recorded.body("asset")["HeldBy"]

    def respond(call: Call) -> Reply:
        nonlocal holders
        if call.path.startswith("/REST/2.0/user/"):
            user_id = 99_999 if call.path.endswith("/student1003") else 38
            return Reply({"id": user_id, "Name": call.path.rpartition("/")[2]})
        if call.method == "GET":
            return Reply(recorded.body("asset") | {"HeldBy": holders})
        if "99999" in call.json["HeldBy"]:
            if recorded.version.startswith("6"):
                holders = []
            return recorded["holder who does not exist"]
        assert call.json == {"HeldBy": ["38"]}
        holders = recorded.body("asset")["HeldBy"]
        return Reply(["Member added: student1001"])

    server.respond = respond
    with pytest.raises((RtConflict, RtRefused)):
        client.assets.set_holder(6, "student1003")
    assert [each["id"] for each in holders] == ["student1001"]


def test_a_search_that_failed_is_not_a_search_without_results(six: Recorded, client: RtClient) -> None:
    six.searches("query that the database cannot run")
    six.server.calls.clear()

    def check(_name: str, search: Callable[[], object]) -> None:
        with pytest.raises(RtSearchFailed, match="could not run the search"):
            search()

    assets = client.assets
    check_all(
        [
            ("serial", lambda: assets.find_by_serial("ABC123")),
            ("serials", lambda: assets.find_by_serials(["ABC123", "ABC124"])),
            ("name", lambda: assets.find_by_name("W12-0001")),
            ("names", lambda: assets.find_by_names(["W12-0001"])),
            ("ids", lambda: list(assets.get_many([1, 2]))),
            ("holders", lambda: assets.held_by(["student1001"])),
            ("text", lambda: assets.search("W12")),
            ("everything", lambda: list(assets.names_beginning_with("W12-"))),
            ("untagged", lambda: list(assets.without_prefix(["W12-"], catalogs=["Cables"]))),
            ("query", lambda: list(assets.query(MANY_TERMS, limit=10))),
            ("count", lambda: assets.count(MANY_TERMS)),
            ("tickets", lambda: client.tickets.with_mark("(R-1-abc)")),
            ("user", lambda: client.users.by_name("77001")),
        ],
        check,
    )


def test_a_failed_search_by_a_user_who_may_not_see_everything_is_noticed_in_assetsql(six: Recorded, client: RtClient) -> None:
    six.searches("query that the database cannot run", control=LIMITED)
    with pytest.raises(RtSearchFailed):
        client.assets.held_by(["student1001"])
    with pytest.raises(RtRefused, match="ShowAsset"):
        list(client.assets.names_beginning_with("W12-"))

    def with_everything_added(call: Call) -> Reply:
        return six[LIMITED if _is_control(call) or b"OR+id+%3E+0" in call.body else LIMITED_NOTHING]

    six.server.respond = with_everything_added
    assert client.assets.held_by(["student1001"]) == []


def test_the_asset_store_says_so_and_keeps_it_apart_from_other_errors(six: Recorded, client: RtClient) -> None:
    six.searches("query that the database cannot run")
    with pytest.raises(AssetStoreSearchFailed) as raised:
        RequestTrackerAssetStore(client, default_catalog="Cables").find_by_serial("ABC123")
    assert isinstance(raised.value, AssetStoreInvalid)
    assert (raised.value.status, raised.value.code) == (400, "directory_invalid")
