"""Request Tracker's responses to changes, and how the client verifies them."""

import pytest

from request_tracker_utils.integrations.rt import RtClient, RtConflict, RtInvalid, RtNotFound, RtRefused
from tests.functional.integrations.conftest import Counted
from tests.services.local_server import Call, LocalServer, Reply
from tests.services.request_tracker import RequestTracker
from tests.services.tables import check_all

pytestmark = pytest.mark.rt


def roles(rt: RequestTracker, asset_id: int) -> tuple[list[str], str]:
    row = rt.asset(asset_id)
    return [each["id"] for each in row["HeldBy"]], row["Owner"]["id"]


def test_an_asset_is_created_with_its_fields(request_tracker: RequestTracker, client: RtClient, fresh: str) -> None:
    asset_id = client.assets.create(fresh, catalog="Cables", fields={"Serial Number": "ü'1", "Model": "", "Purchase Date": "2026-01-31"})
    asset = client.assets.get(asset_id)
    assert (asset.name, asset.catalog) == (fresh, "Cables")
    assert (asset.fields["Serial Number"], asset.fields["Purchase Date"]) == ("ü'1", "2026-01-31")


def test_rt_returns_the_new_id_as_text(request_tracker: RequestTracker) -> None:
    answer = request_tracker.rest("POST", "asset", json={"Name": "text", "Catalog": "Cables"})
    assert answer.status_code == 201
    assert isinstance(answer.json()["id"], str)


def test_an_unknown_custom_field_creates_nothing(request_tracker: RequestTracker, client: RtClient, fresh: str) -> None:
    answer = request_tracker.rest("POST", "asset", json={"Name": fresh, "Catalog": "Cables", "CustomFields": {"Nope": "x"}})
    assert answer.status_code == 400
    with pytest.raises(RtInvalid, match="Nope"):
        client.assets.create(fresh, catalog="Cables", fields={"Nope": "x"})
    assert client.assets.find_by_name(fresh) == []


def test_a_field_that_is_not_applied_to_the_catalog_is_named(request_tracker: RequestTracker, client: RtClient, fresh: str) -> None:
    field = {"Name": f"Of {fresh}", "LookupType": "RT::Catalog-RT::Asset", "Type": "Freeform", "MaxValues": 1}
    assert request_tracker.rest("POST", "customfield", json=field).status_code == 201
    with pytest.raises(RtInvalid, match=f"has the custom field 'Of {fresh}', but not for assets in Cables"):
        client.assets.create(fresh, catalog="Cables", fields={f"Of {fresh}": "x"})
    assert client.assets.find_by_name(fresh) == []


def test_a_status_that_the_lifecycle_does_not_have_is_named_with_its_setting(client: RtClient, fresh: str) -> None:
    with pytest.raises(RtInvalid, match=r"no status 'nonsense' for assets in Cables\. Correct RT_ASSET_STATUS"):
        client.assets.create(fresh, catalog="Cables", status="nonsense")
    assert client.assets.find_by_name(fresh) == []


def test_messages_of_other_request_trackers_about_a_field_are_explained() -> None:
    def check(message: str, expected: str) -> None:
        def answer(call: Call) -> Reply:
            if call.method == "POST":
                return Reply({"message": f"Couldn't add custom field value on create: {message}"}, status=400)
            return Reply({"id": 10, "Name": "Room"})

        with LocalServer(answer) as server, pytest.raises(RtInvalid, match=expected):
            RtClient(server.url, "1-1-secret", use_session=False).assets.create("x", catalog="Cables", fields={"Room": "12"})

    check_all(
        [
            ("Custom field 10 does not apply to this object", "has the custom field 'Room', but not for assets in Cables"),
            ("Could not add a new value to custom field 'Room': Permission Denied", "may not write the custom field 'Room'"),
            ("Etwas anderes", "Etwas anderes"),
        ],
        check,
    )


def test_rt_reports_an_unknown_catalog_as_a_missing_right(request_tracker: RequestTracker, client: RtClient) -> None:
    answer = request_tracker.rest("POST", "asset", json={"Name": "x", "Catalog": "Nope"})
    assert (answer.status_code, answer.json()["message"]) == (403, "Permission Denied")
    with pytest.raises(RtRefused, match="no catalog 'Nope'"):
        client.assets.create("x", catalog="Nope")


def test_a_name_that_rt_would_reject_or_change_is_not_sent(client: RtClient, counted: Counted) -> None:
    def check(name: str) -> None:
        with pytest.raises(RtInvalid):
            client.assets.create(name, catalog="Cables")
        with pytest.raises(RtInvalid):
            client.assets.rename(1, name)
        assert counted.requests == []

    check_all(["12345", "x" * 256, "a\nb"], check)


def test_rt_answers_200_to_a_rename_that_it_refused(request_tracker: RequestTracker) -> None:
    asset_id = request_tracker.create_asset("stays")
    answer = request_tracker.rest("PUT", f"asset/{asset_id}", json={"Name": "12345"})
    assert (answer.status_code, answer.json()) == (200, ["Asset stays: Illegal value for Name"])
    assert request_tracker.asset(asset_id)["Name"] == "stays"


def test_a_rename_returns_the_old_name_and_is_read_back(client: RtClient, counted: Counted, fresh: str) -> None:
    asset_id = client.assets.create("before", catalog="Cables")
    counted.requests.clear()
    assert client.assets.rename(asset_id, fresh) == "before"
    assert counted.requests == [("GET", "asset", "ok"), ("PUT", "asset", "ok"), ("GET", "asset", "ok")]
    assert client.assets.rename(asset_id, fresh) == fresh
    assert client.assets.get(asset_id).name == fresh


def test_a_rename_of_an_asset_that_was_just_read_is_one_request(client: RtClient, counted: Counted, fresh: str) -> None:
    for number, before in enumerate(('it\'s "old"', "", "ü % _ (x)")):
        asset_id = client.assets.create(before, catalog="Cables")
        counted.requests.clear()
        assert client.assets.rename(asset_id, f"{fresh}-{number}", old_name=before) == before
        assert counted.requests == [("PUT", "asset", "ok")]
        assert client.assets.get(asset_id).name == f"{fresh}-{number}"


def test_an_asset_is_read_back_if_rt_does_not_confirm_its_rename(client: RtClient, counted: Counted, fresh: str) -> None:
    asset_id = client.assets.create("called otherwise", catalog="Cables")
    counted.requests.clear()
    assert client.assets.rename(asset_id, fresh, old_name="what it was called before") == "what it was called before"
    assert client.assets.rename(asset_id, fresh, old_name="called otherwise") == "called otherwise", "it has the name already"
    assert counted.requests == [("PUT", "asset", "ok"), ("GET", "asset", "ok")] * 2
    with pytest.raises(RtNotFound):
        client.assets.rename(999_999, fresh, old_name="x")


def test_rt_confirms_a_rename_in_any_language(request_tracker: RequestTracker, client: RtClient, counted: Counted, fresh: str) -> None:
    asset_id = client.assets.create("alt", catalog="Cables")
    request_tracker.rest("PUT", "user/root", json={"Lang": "de"}).raise_for_status()
    try:
        counted.requests.clear()
        client.assets.rename(asset_id, fresh, old_name="alt")
    finally:
        request_tracker.rest("PUT", "user/root", json={"Lang": ""}).raise_for_status()
    assert counted.requests == [("PUT", "asset", "ok")]
    assert client.assets.get(asset_id).name == fresh


def test_a_rename_bound_to_an_older_state_is_a_conflict(client: RtClient, fresh: str) -> None:
    asset_id = client.assets.create("before", catalog="Cables")
    etag = client.assets.get(asset_id).etag
    client.assets.rename(asset_id, "between", etag=etag)
    with pytest.raises(RtConflict):
        client.assets.rename(asset_id, fresh, etag=etag)
    assert client.assets.get(asset_id).name == "between"


def test_custom_fields_are_set_emptied_and_read_back(client: RtClient) -> None:
    asset_id = client.assets.create("fields", catalog="Cables", fields={"Model": "old"})
    client.assets.set_fields(asset_id, {"Model": "new", "Category": "c"})
    client.assets.set_fields(asset_id, {"Model": ""})
    assert {name: client.assets.get(asset_id).fields[name] for name in ("Model", "Category")} == {"Model": "", "Category": "c"}


def test_rt_ignores_an_unknown_field_and_stores_an_invalid_date_as_1970(client: RtClient) -> None:
    asset_id = client.assets.create("fields", catalog="Cables")
    with pytest.raises(RtInvalid, match="Nope"):
        client.assets.set_fields(asset_id, {"Nope": "x"})
    with pytest.raises(RtConflict, match="Purchase Date"):
        client.assets.set_fields(asset_id, {"Purchase Date": "nonsense"})
    assert client.assets.get(asset_id).fields["Purchase Date"] == "1970-01-01"


def test_a_holder_is_set_changed_and_removed(request_tracker: RequestTracker, client: RtClient) -> None:
    asset_id = client.assets.create("held", catalog="Chromebooks")
    for username in ("student1001", "STUDENT1002"):
        client.assets.set_holder(asset_id, username)
        assert roles(request_tracker, asset_id) == ([username.lower()], username.lower())
    client.assets.set_holder(asset_id, "")
    assert roles(request_tracker, asset_id) == ([], "Nobody")
    asset = client.assets.get(asset_id)
    assert (asset.holders, asset.owner) == ((), "")


def test_rt_fails_for_an_unknown_holder_so_the_client_checks_first(request_tracker: RequestTracker, client: RtClient) -> None:
    asset_id = client.assets.create("held", catalog="Chromebooks")
    body = {"HeldBy": ["no such user"], "Owner": "no such user"}
    assert request_tracker.rest("PUT", f"asset/{asset_id}", json=body).status_code == 500
    with pytest.raises(RtInvalid, match="no such user"):
        client.assets.set_holder(asset_id, "no such user")


def test_a_username_with_an_at_sign_does_not_create_a_user(request_tracker: RequestTracker, client: RtClient) -> None:
    asset_id = client.assets.create("held", catalog="Chromebooks")
    request_tracker.rest("PUT", f"asset/{asset_id}", json={"HeldBy": ["typo@rt.test"]})
    assert roles(request_tracker, asset_id)[0] == ["typo@rt.test"]
    with pytest.raises(RtInvalid):
        client.assets.set_holder(asset_id, "second-typo@rt.test")
    with pytest.raises(RtNotFound):
        client.users.by_name("second-typo@rt.test")


def test_a_username_of_digits_is_a_name_to_the_client_and_a_number_to_rt(request_tracker: RequestTracker, client: RtClient) -> None:
    name = "77001"
    request_tracker.rest("POST", "user", json={"Name": name, "EmailAddress": "digits@rt.test"}).raise_for_status()
    assert request_tracker.rest("GET", f"user/{name}").status_code == 404
    assert client.users.by_name(name).email == "digits@rt.test"
    asset_id = client.assets.create("held", catalog="Chromebooks")
    client.assets.set_holder(asset_id, name)
    assert roles(request_tracker, asset_id) == ([name], name)


def test_unknown_records_are_not_found(request_tracker: RequestTracker, client: RtClient) -> None:
    answer = request_tracker.rest("GET", "asset/999999")
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})
    for call in (
        lambda: client.assets.get(999_999),
        lambda: client.assets.rename(999_999, "x"),
        lambda: client.assets.set_holder(999_999, "student1001"),
        lambda: client.users.by_name("nobody here"),
        lambda: client.users.by_name("a/b"),
        lambda: client.users.by_name("40404"),
        lambda: client.users.by_id(999_999),
        lambda: client.tickets.get(999_999),
    ):
        with pytest.raises(RtNotFound):
            call()


def test_catalogs_and_fields_have_names(request_tracker: RequestTracker, client: RtClient) -> None:
    assert all("Name" not in row for row in request_tracker.rest("GET", "catalogs/all").json()["items"])
    assert client.assets.catalogs() == ["Cables", "Chromebooks", "General assets"]
    assert {"Serial Number", "Model", "Purchase Date"} <= set(client.custom_fields.names())


def test_a_ticket_is_linked_to_assets_and_to_more_assets_later(request_tracker: RequestTracker, client: RtClient) -> None:
    ticket = client.tickets.create(
        queue="Device Repair", subject="Broken screen", body="It fell.\nTwice.", requestor="student1001", asset_ids=[1, 999_999]
    )
    assert ticket.assets == (1,)
    assert client.tickets.link(ticket.id, [2, 3]).assets == (1, 2, 3)
    with pytest.raises(RtInvalid, match="#999999"):
        client.tickets.link(ticket.id, [2, 999_999])
    row = request_tracker.rest("GET", f"ticket/{ticket.id}").json()
    assert (row["Subject"], row["Requestor"][0]["id"]) == ("Broken screen", "student1001")
    assert client.tickets.address(ticket.id).endswith(f"/Ticket/Display.html?id={ticket.id}")


def test_a_ticket_needs_a_queue_and_a_subject(client: RtClient) -> None:
    with pytest.raises(RtRefused, match="'Nope'"):
        client.tickets.create(queue="Nope", subject="s", body="")
    with pytest.raises(RtInvalid, match="subject"):
        client.tickets.create(queue="Device Repair", subject=" ", body="")


def test_links_set_by_the_plain_name_would_replace_older_ones(request_tracker: RequestTracker, client: RtClient) -> None:
    ticket = client.tickets.create(queue="Device Repair", subject="s", body="", asset_ids=[1])
    said = request_tracker.rest("PUT", f"ticket/{ticket.id}", json={"RefersTo": ["asset:2"]}).json()
    assert len(said) == 2  # it adds one and tries to remove the other
    assert 2 in client.tickets.get(ticket.id).assets
