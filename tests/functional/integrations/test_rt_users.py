"""Users and tokens of Request Tracker."""

import base64

import pytest

from request_tracker_utils.integrations.rt import RtClient, RtRefused
from tests.services.request_tracker import RequestTracker
from tests.services.tables import check_all

pytestmark = pytest.mark.rt


def test_a_valid_token_names_its_user(request_tracker: RequestTracker, client: RtClient) -> None:
    root, clerk = client.users.of_token(request_tracker.token), client.users.of_token(request_tracker.clerks_token)
    assert root is not None
    assert (root.name, root.privileged, root.disabled) == ("root", True, False)
    assert clerk is not None
    assert (clerk.name, clerk.email, clerk.real_name) == ("clerk", "clerk@rt.test", "A Clerk")


def test_a_token_consists_of_one_user_id_and_secret(request_tracker: RequestTracker, client: RtClient) -> None:
    version, user_id, _ = request_tracker.token.split("-")
    assert (version, int(user_id)) == ("1", client.users.by_name("root").id)


def test_an_invalid_token_has_no_user(request_tracker: RequestTracker, client: RtClient) -> None:
    def check(token: str) -> None:
        assert client.users.of_token(token) is None

    secret = request_tracker.clerks_token.rpartition("-")[2]
    root = client.users.by_name("root").id
    invalid = [
        "",
        "x",
        "1-14-",
        "1-14-" + "0" * 32,
        "1-999999-" + "0" * 32,
        "1-14-a b",
        "1-14-ü" * 8,
        "1-14-abc\r\nX: y",
        f"1-{root}-{secret}",
    ]
    check_all(invalid, check)


def test_a_disabled_users_token_is_invalid(request_tracker: RequestTracker, client: RtClient) -> None:
    clerk = client.users.by_name("clerk")
    request_tracker.rest("PUT", f"user/{clerk.id}", json={"Disabled": 1})
    try:
        assert client.users.of_token(request_tracker.clerks_token) is None
    finally:
        request_tracker.rest("PUT", f"user/{clerk.id}", json={"Disabled": 0})
    assert client.users.of_token(request_tracker.clerks_token) is not None


def test_rt_itself_answers_401_to_an_invalid_token_and_accepts_a_password(request_tracker: RequestTracker) -> None:
    bad = request_tracker.rest("GET", "rt", token="1-14-" + "0" * 32)
    assert (bad.status_code, bad.json()) == (401, {"message": "Unauthorized"})
    basic = "Basic " + base64.b64encode(b"root:password").decode()
    assert request_tracker.rest("GET", "rt", headers={"Authorization": basic}).status_code == 200


def test_an_error_for_an_invalid_token_says_what_to_do(request_tracker: RequestTracker) -> None:
    with (
        RtClient(request_tracker.url, "1-14-" + "0" * 32) as client,
        pytest.raises(RtRefused, match="set RT_TOKEN") as refused,
    ):
        client.version()
    assert refused.value.status == 401


def test_the_version_is_known(client: RtClient) -> None:
    assert client.version().startswith("5.")


def test_a_wrong_endpoint_is_not_reported_as_a_missing_asset(request_tracker: RequestTracker) -> None:
    for endpoint in ("/REST/3", "/REST/2.0/nowhere"):
        with (
            RtClient(request_tracker.url, request_tracker.token, api_endpoint=endpoint) as client,
            pytest.raises(RtRefused, match="API_ENDPOINT"),
        ):
            client.version()


def test_users_are_found_by_name_and_by_number(client: RtClient) -> None:
    student = client.users.by_name("Student1001")
    assert (student.name, student.real_name, student.email, student.privileged) == (
        "student1001",
        "Student 1001",
        "student1001@rt.test",
        False,
    )
    assert client.users.by_id(student.id) == student
