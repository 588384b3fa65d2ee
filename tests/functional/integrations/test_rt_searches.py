"""Request Tracker's responses to searches, including wrong ones, and how the client detects those."""

from typing import Any

import pytest

from request_tracker_utils.integrations.rt import RtClient, RtInvalid, RtRefused, quoted
from tests.functional.integrations.conftest import Counted
from tests.services.request_tracker import RequestTracker
from tests.services.tables import check_all

pytestmark = pytest.mark.rt


def json_search(rt: RequestTracker, *conditions: dict[str, Any], **params: Any) -> list[int]:
    answer = rt.rest("POST", "assets", json=list(conditions), params={"per_page": 100, **params})
    assert answer.status_code == 200
    return sorted(int(row["id"]) for row in answer.json()["items"])


def sql_total(rt: RequestTracker, query: str) -> int:
    answer = rt.rest("POST", "assets", data={"query": query})
    assert answer.status_code == 200
    total: int = answer.json()["total"]
    return total


def is_(field: str, value: Any, operator: str = "=", **more: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value, **more}


def found_by(client: RtClient, query: str, *, limit: int = 10, after_id: int = 0) -> list[int]:
    return [asset.id for assets in client.assets.query(query, limit=limit, after_id=after_id) for asset in assets]


@pytest.fixture(scope="session")
def bulk(request_tracker: RequestTracker) -> range:
    return request_tracker.fill(130, "bulk-")


def test_assets_are_returned_by_hundreds_in_order_without_missing_ones(client: RtClient, counted: Counted, bulk: range) -> None:
    chunks = list(client.assets.get_many([*reversed(bulk), 999_999, 2**40, 0, bulk[0]]))
    assert [len(chunk) for chunk in chunks] == [100, 30]
    assert [asset.id for chunk in chunks for asset in chunk] == list(reversed(bulk))
    assert counted.requests == [("POST", "assets", "ok")] * 2


def test_a_row_contains_all_values_of_the_asset(client: RtClient) -> None:
    (asset,) = client.assets.find_by_serial("SEED-1")
    assert (asset.id, asset.catalog, asset.status) == (1, "Chromebooks", "new")
    assert asset.fields["Model"] == "Chromebook 3100"
    assert asset.fields["Purchase Date"] == ""
    assert (asset.holders, asset.owner) == ((), "")
    single = client.assets.get(1)
    assert single.etag
    assert (single.catalog, single.fields) == (asset.catalog, asset.fields)


def test_rt_limits_a_page_to_a_hundred_and_the_client_reads_the_next(
    request_tracker: RequestTracker, client: RtClient, counted: Counted, bulk: range
) -> None:
    assert len(json_search(request_tracker, is_("Name", "bulk-", "STARTSWITH"), per_page=1000)) == 100
    pages = list(client.assets.names_beginning_with("bulk-"))
    assert [len(page) for page in pages] == [100, 30]
    assert [number for page in pages for number, _ in page] == list(bulk)
    assert len(counted.requests) == 2


def test_an_asset_created_while_pages_are_read_does_not_shift_them(request_tracker: RequestTracker, client: RtClient, bulk: range) -> None:
    pages = client.assets.names_beginning_with("bulk-")
    read = next(pages)
    newer = request_tracker.create_asset("bulk-new")
    read += [each for page in pages for each in page]
    assert [number for number, _ in read] == [*bulk, newer]
    request_tracker.rest("PUT", f"asset/{newer}", json={"Status": "deleted"})


def test_a_prefix_is_case_sensitive_although_rt_ignores_case(request_tracker: RequestTracker, client: RtClient, fresh: str) -> None:
    asset_id = request_tracker.create_asset(f"{fresh}-W1")
    assert json_search(request_tracker, is_("Name", f"{fresh}-w", "STARTSWITH")) == [asset_id]
    assert list(client.assets.names_beginning_with(f"{fresh}-w")) == []
    assert list(client.assets.names_beginning_with(f"{fresh}-W")) == [[(asset_id, f"{fresh}-W1")]]
    assert list(client.assets.names_beginning_with(f"{fresh}-w", any_case=True)) == [[(asset_id, f"{fresh}-W1")]]


def test_an_id_list_is_right_in_json_and_everything_in_assetsql(request_tracker: RequestTracker) -> None:
    assert json_search(request_tracker, is_("id", [1, 3], "IN")) == [1, 3]
    assert sql_total(request_tracker, "id IN (1,3)") == sql_total(request_tracker, "id > 0")


def test_a_custom_field_is_right_in_json_and_in_assetsql_only_as_cf(request_tracker: RequestTracker, client: RtClient) -> None:
    for field in ("CustomField.{Serial Number}", "CF.{Serial Number}"):
        assert json_search(request_tracker, is_(field, "seed-2")) == [2]
    assert found_by(client, "CF.{Serial Number} = 'SEED-2'") == [2]
    assert sql_total(request_tracker, "CustomField.{Serial Number} = 'SEED-2'") == sql_total(request_tracker, "id > 0")


def test_a_query_that_rt_does_not_fully_understand_is_refused(request_tracker: RequestTracker, client: RtClient) -> None:
    def check(query: str) -> None:
        with pytest.raises(RtInvalid):
            found_by(client, query)
        with pytest.raises(RtInvalid):
            client.assets.count(query)

    check_all(
        [
            "id IN (1,3)",
            "CustomField.{Serial Number} = 'SEED-1'",
            "Catalog = 'Chromebooks' AND CustomField.{Serial Number} = 'SEED-1'",
            "HeldBy.Name IN ('student1001','student1002')",
            "garbage (",
            "id = 1 1",
            "id = 1 OR",
            "Name = ",
            "Nope = 'x'",
            "   ",
        ],
        check,
    )
    # Request Tracker itself answers such queries with all assets and status 200, or runs as much as it understands.
    for query in ("garbage (", "HeldBy.Name IN ('student1001')"):
        assert sql_total(request_tracker, query) == sql_total(request_tracker, "id > 0")
    assert sql_total(request_tracker, "Name = 'unlabelled laptop 1' AND CustomField.{Serial Number} = 'x'") == 1


def test_a_query_that_is_understood_may_find_nothing_or_all(client: RtClient, bulk: range) -> None:
    assert found_by(client, "Name = 'there is no such name'") == []
    assert found_by(client, "id > 0", limit=3) == [1, 2, 3]
    assert found_by(client, "id > 0", limit=3, after_id=2) == [3, 4, 5]
    assert len(found_by(client, "Name STARTSWITH 'bulk-'", limit=120)) == 120


def test_results_of_a_query_arrive_by_hundreds_before_the_last_is_requested(client: RtClient, counted: Counted, bulk: range) -> None:
    chunks = client.assets.query("Name STARTSWITH 'bulk-'", limit=500)
    assert [asset.id for asset in next(chunks)] == list(bulk[:100])
    asked = len(counted.requests)
    assert [asset.id for asset in next(chunks)] == list(bulk[100:])
    assert (asked, len(counted.requests)) == (2, 3)
    assert client.assets.count("Name STARTSWITH 'bulk-'") == len(bulk)
    assert client.assets.count("Name = 'there is no such name'") == 0


def test_json_with_an_unknown_field_finds_nothing_so_a_missing_serial_field_is_an_error(request_tracker: RequestTracker) -> None:
    assert json_search(request_tracker, is_("Nope", "x")) == []
    assert json_search(request_tracker, is_("CF.{Nope}", "x")) == []
    assert json_search(request_tracker, is_("CF.{Nope}", "x"), is_("id", 3, "<")) == [1, 2]  # beside another condition it is passed over
    with RtClient(request_tracker.url, request_tracker.token, serial_field="Nope") as client, pytest.raises(RtInvalid, match="'Nope'"):
        client.assets.find_by_serial("SEED-1")
    with RtClient(request_tracker.url, request_tracker.token, serial_field="Nope") as client, pytest.raises(RtInvalid, match="'Nope'"):
        client.assets.find_by_serials_or_names(["SEED-1"], ["unlabelled laptop 1"])


def test_a_serial_without_an_asset_finds_nothing_and_the_field_is_checked_once(request_tracker: RequestTracker) -> None:
    counted = Counted()
    with RtClient(request_tracker.url, request_tracker.token, on_request=counted) as client:
        assert client.assets.find_by_serial("no such serial") == []
        assert client.assets.find_by_serial("nor this one") == []
    assert counted.requests.count(("POST", "customfields", "ok")) == 1


def test_holders_are_found_by_assetsql_only_and_only_by_name(request_tracker: RequestTracker, client: RtClient) -> None:
    held = request_tracker.create_asset("held", HeldBy=["student1007"])
    owned = request_tracker.create_asset("owned", Owner="student1007")
    assert json_search(request_tracker, is_("HeldBy.Name", "student1007")) == []
    assert json_search(request_tracker, is_("Owner.Name", "student1007")) == []
    assert sql_total(request_tracker, "Owner = 'student1007'") == 0
    assert [asset.id for asset in client.assets.held_by(["student1007", "nobody at all"])] == [held, owned]


def test_rt_finds_nothing_for_more_than_28_names_and_the_client_splits_them(
    request_tracker: RequestTracker, client: RtClient, counted: Counted
) -> None:
    held = request_tracker.create_asset("held", HeldBy=["student1008"])
    names = [f"student{number}" for number in range(2001, 2031)] + ["student1008"]
    query = " OR ".join(f"HeldBy.Name = '{name}' OR Owner.Name = '{name}'" for name in names)
    assert sql_total(request_tracker, query) == 0
    assert [asset.id for asset in client.assets.held_by(names)] == [held]
    assert len(counted.requests) == 2
    with pytest.raises(RtInvalid, match="too long"):
        found_by(client, query)


def test_a_query_with_seventy_joins_is_refused_although_rt_answers_that_it_found_nothing(
    request_tracker: RequestTracker, client: RtClient
) -> None:
    query = " OR ".join(f"RefersTo = {number}" for number in range(70))
    assert sql_total(request_tracker, query) == 0
    for search in (lambda: found_by(client, query), lambda: client.assets.count(query)):
        with pytest.raises(RtInvalid, match="too long"):
            search()


def test_text_is_searched_in_name_serial_and_model_newest_first(request_tracker: RequestTracker, client: RtClient, fresh: str) -> None:
    by_name = request_tracker.create_asset(f"a {fresh.upper()} b")
    by_serial = request_tracker.create_asset("x", CustomFields={"Serial Number": f"{fresh}9"})
    by_model = request_tracker.create_asset("x", catalog="Cables", CustomFields={"Model": fresh})
    request_tracker.create_asset("x", CustomFields={"Category": fresh})
    assert [asset.id for asset in client.assets.search(fresh).assets] == [by_model, by_serial, by_name]
    first = client.assets.search(fresh, page_size=2)
    assert ([asset.id for asset in first.assets], first.more) == ([by_model, by_serial], True)
    second = client.assets.search(fresh, page=2, page_size=2)
    assert ([asset.id for asset in second.assets], second.more) == ([by_name], False)
    assert [asset.id for asset in client.assets.search(fresh, catalog="Cables").assets] == [by_model]


def test_an_empty_text_finds_all_of_a_catalog(client: RtClient, bulk: range) -> None:
    page = client.assets.search("", catalog="Cables", page_size=500)
    assert len(page.assets) == 100
    assert page.more
    assert {asset.catalog for asset in page.assets} == {"Cables"}
    assert client.assets.search("", catalog="No such catalog").assets == []


def test_quotes_and_backslashes_are_found_literally(request_tracker: RequestTracker, client: RtClient, fresh: str) -> None:
    serial = f"{fresh}'a\\b\"c"
    asset_id = request_tracker.create_asset(f"it's {fresh}\\", CustomFields={"Serial Number": serial})
    for text in (serial, f"it's {fresh}\\"):
        assert [asset.id for asset in client.assets.search(text).assets] == [asset_id]
    assert [asset.id for asset in client.assets.find_by_serial(serial.upper())] == [asset_id]
    assert [asset.id for asset in client.assets.find_by_name(f"it's {fresh}\\")] == [asset_id]
    assert found_by(client, f"CF.{{Serial Number}} = {quoted(serial)}") == [asset_id]


def test_text_that_looks_like_a_query_is_text_to_the_client_and_a_query_to_rt(request_tracker: RequestTracker, client: RtClient) -> None:
    text = "x' OR id > 0 OR Name = 'x"
    assert sql_total(request_tracker, f"Name = '{text}'") == sql_total(request_tracker, "id > 0")
    assert client.assets.search(text).assets == []
    assert client.assets.held_by([text]) == []
    with pytest.raises(RtInvalid, match="control characters"):
        client.assets.search("a\nb")


def test_wildcards_are_literal_in_the_client_but_not_in_rt(request_tracker: RequestTracker, client: RtClient, fresh: str) -> None:
    request_tracker.create_asset(f"{fresh}-ab")
    percent = request_tracker.create_asset(f"{fresh}-a%")
    assert len(json_search(request_tracker, is_("Name", f"{fresh}-a%", "STARTSWITH"))) == 2
    assert [asset.id for asset in client.assets.search(f"{fresh}-a%").assets] == [percent]
    assert list(client.assets.names_beginning_with(f"{fresh}-a%")) == [[(percent, f"{fresh}-a%")]]
    assert client.assets.search(f"{fresh}_a").assets == []


def test_the_operators_of_a_json_search_work(request_tracker: RequestTracker, fresh: str) -> None:
    one, two = (request_tracker.create_asset(f"{fresh}-{number}") for number in (1, 2))
    assert json_search(request_tracker, is_("Name", f"{fresh}-", "STARTSWITH")) == [one, two]
    assert json_search(request_tracker, is_("Name", f"{fresh[1:]}-1", "LIKE")) == [one]
    assert json_search(request_tracker, is_("Name", [f"{fresh}-2", f"{fresh}-3"], "IN")) == [two]
    either = [is_("Name", f"{fresh}-{number}", entry_aggregator="OR") for number in (1, 2)]
    assert json_search(request_tracker, *either) == [one, two]


def test_a_name_and_a_custom_field_cannot_be_alternatives_in_json(request_tracker: RequestTracker) -> None:
    either = [is_("Name", "unlabelled laptop 1", entry_aggregator="OR"), is_("CF.{Serial Number}", "SEED-2", entry_aggregator="OR")]
    assert json_search(request_tracker, *either) == []


def test_two_hundred_serials_fit_into_one_search_without_case(request_tracker: RequestTracker, bulk: range) -> None:
    serials = [f"s-BULK-{number:04}" for number in range(1, 201)]
    answer = request_tracker.rest("POST", "assets", json=[is_("CustomField.{Serial Number}", serials, "IN")])
    assert answer.json()["total"] == len(bulk)


def test_many_serials_are_found_with_few_searches_and_unknown_ones_find_nothing(client: RtClient, counted: Counted, bulk: range) -> None:
    serials = [f"s-BULK-{number:04}" for number in range(1, 131)] + [f"no such serial {number}" for number in range(870)]
    assert [asset.id for asset in client.assets.find_by_serials(serials)] == list(bulk)
    assert len(counted.requests) <= 7
    assert client.assets.find_by_serials(["no such serial"]) == client.assets.find_by_serials(["", ""]) == []


def test_serial_numbers_and_names_are_found_by_one_search(client: RtClient, request_tracker: RequestTracker, fresh: str) -> None:
    bulk = request_tracker.fill(240, fresh)
    odd = request_tracker.create_asset(f"it's {fresh}\\", CustomFields={"Serial Number": f"o'{fresh}\\"})
    serials = [f"s-{fresh}{number:04d}" for number in range(1, 221)]
    names = [f"{fresh}{number:04d}" for number in range(221, 241)]
    assert [asset.id for asset in client.assets.find_by_serials_or_names(serials, names)] == list(bulk)
    assert [asset.id for asset in client.assets.find_by_serials_or_names([f"O'{fresh}\\"], [names[0]])] == [bulk[220], odd]
    assert [asset.id for asset in client.assets.find_by_serials_or_names([], [f"it's {fresh}\\"])] == [odd]
    assert client.assets.find_by_serials_or_names(["no such serial", "x' OR id > 0 OR Name = 'x"], [names[0].upper()]) == []
    assert client.assets.find_by_serials_or_names([], [""]) == []


def test_serials_that_look_like_a_query_are_serials(request_tracker: RequestTracker, client: RtClient, fresh: str) -> None:
    odd = [f"{fresh}'a\\b\"c", f"{fresh}%", f"{fresh}') OR id > 0 OR Name IN ('x", f"{fresh}🎒"]
    made = [request_tracker.create_asset("x", CustomFields={"Serial Number": serial}) for serial in odd]
    request_tracker.create_asset("x", CustomFields={"Serial Number": f"{fresh}x"})
    assert [asset.id for asset in client.assets.find_by_serials([*odd, "x' OR id > 0 OR Name = 'x", "a\tb"])] == made


def test_names_are_not_unique_and_all_of_them_are_found(request_tracker: RequestTracker, client: RtClient, fresh: str) -> None:
    twins = [request_tracker.create_asset(fresh) for _ in range(2)]
    request_tracker.create_asset(fresh.upper())
    assert [asset.id for asset in client.assets.find_by_name(fresh)] == twins
    assert client.assets.find_by_name("") == client.assets.find_by_serial("") == []


def test_a_deleted_asset_is_in_no_search_and_is_read_by_its_id(request_tracker: RequestTracker, client: RtClient, fresh: str) -> None:
    asset_id = request_tracker.create_asset(fresh)
    request_tracker.rest("PUT", f"asset/{asset_id}", json={"Status": "deleted"})
    assert client.assets.find_by_name(fresh) == []
    assert list(client.assets.get_many([asset_id])) == [[]]
    assert list(client.assets.names_beginning_with(fresh)) == []
    assert client.assets.get(asset_id).status == "deleted"


def test_a_user_who_may_not_see_all_assets_gets_an_error_where_gaps_would_do_harm(request_tracker: RequestTracker, fresh: str) -> None:
    request_tracker.create_asset(fresh)
    visible = request_tracker.create_asset(fresh, catalog="Cables")
    with RtClient(request_tracker.url, request_tracker.clerks_token) as clerk:
        assert [asset.id for asset in clerk.assets.find_by_name(fresh)] == [visible]
        assert [asset.id for asset in clerk.assets.search(fresh).assets] == [visible]
        for ask in (
            lambda: list(clerk.assets.names_beginning_with(fresh)),
            lambda: found_by(clerk, f"Name = '{fresh}'"),
            lambda: clerk.assets.count(f"Name = '{fresh}'"),
        ):
            with pytest.raises(RtRefused, match="ShowAsset"):
                ask()


def names_without(client: RtClient, *prefixes: str, catalogs: tuple[str, ...], text: str = "") -> list[str]:
    return [asset.name for assets in client.assets.without_prefix(prefixes, catalogs=catalogs, text=text) for asset in assets]


def test_assets_without_a_prefix_are_those_that_begin_with_none_of_them(client: RtClient, fresh: str) -> None:
    for name in (fresh, f"A-{fresh}", f"a-{fresh}", f"B_{fresh}", f"Bx{fresh}", f"it's {fresh}"):
        client.assets.create(name, catalog="Cables")
    nameless = client.assets.create("", catalog="Cables", fields={"Serial Number": fresh})
    client.assets.create(f"elsewhere {fresh}", catalog="General assets")
    assert names_without(client, "A-", "B_", catalogs=("Cables",), text=fresh) == [fresh, f"Bx{fresh}", f"it's {fresh}", ""]
    both = names_without(client, "A-", catalogs=("Cables", "General assets"), text=fresh)
    assert set(both) == {fresh, f"B_{fresh}", f"Bx{fresh}", f"it's {fresh}", f"elsewhere {fresh}", ""}
    assert names_without(client, "A-", catalogs=()) == []
    assert names_without(client, "A-", catalogs=("No such catalog",)) == []
    ((only,),) = client.assets.without_prefix(["A-", "B", "it", "fresh"], catalogs=["Cables"], text=fresh)
    assert (only.id, only.name, only.fields["Serial Number"]) == (nameless, "", fresh)


def test_assets_without_a_prefix_take_one_search_per_hundred(client: RtClient, counted: Counted, bulk: range) -> None:
    assert len(names_without(client, "W12-", catalogs=("Cables",), text="bulk-")) == len(bulk)
    assert counted.requests == [("POST", "assets", "ok")] * 2
