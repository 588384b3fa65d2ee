"""Who asks: tokens, what they tell, and what must not leak from one to another."""

import base64

import pytest

from request_tracker_utils.integrations.rt import RtClient, RtRefused
from tests.services.request_tracker import RequestTracker

pytestmark = pytest.mark.rt


def test_a_good_token_names_its_user(request_tracker: RequestTracker, client: RtClient) -> None:
    root, clerk = client.user_of_token(request_tracker.token), client.user_of_token(request_tracker.clerks_token)
    assert root is not None
    assert (root.name, root.privileged, root.disabled) == ("root", True, False)
    assert clerk is not None
    assert (clerk.name, clerk.email, clerk.real_name) == ("clerk", "clerk@rt.test", "A Clerk")


def test_a_token_reads_one_user_id_secret(request_tracker: RequestTracker, client: RtClient) -> None:
    version, user_id, _ = request_tracker.token.split("-")
    assert (version, int(user_id)) == ("1", client.user("root").id)


@pytest.mark.parametrize(
    "token", ["", "x", "1-14-", "1-14-" + "0" * 32, "1-999999-" + "0" * 32, "1-14-a b", "1-14-ü" * 8, "1-14-abc\r\nX: y"]
)
def test_a_bad_token_is_nobodys(client: RtClient, token: str) -> None:
    assert client.user_of_token(token) is None


def test_a_secret_under_another_users_number_is_nobodys(request_tracker: RequestTracker, client: RtClient) -> None:
    secret = request_tracker.clerks_token.rpartition("-")[2]
    assert client.user_of_token(f"1-{client.user('root').id}-{secret}") is None


def test_a_disabled_users_token_is_nobodys(request_tracker: RequestTracker, client: RtClient) -> None:
    clerk = client.user("clerk")
    request_tracker.rest("PUT", f"user/{clerk.id}", json={"Disabled": 1})
    try:
        assert client.user_of_token(request_tracker.clerks_token) is None
    finally:
        request_tracker.rest("PUT", f"user/{clerk.id}", json={"Disabled": 0})
    assert client.user_of_token(request_tracker.clerks_token) is not None


def test_rt_itself_answers_401_to_a_bad_token_and_takes_a_password_too(request_tracker: RequestTracker) -> None:
    bad = request_tracker.rest("GET", "rt", token="1-14-" + "0" * 32)
    assert (bad.status_code, bad.json()) == (401, {"message": "Unauthorized"})
    basic = "Basic " + base64.b64encode(b"root:password").decode()
    assert request_tracker.rest("GET", "rt", headers={"Authorization": basic}).status_code == 200


def test_a_client_with_a_bad_token_is_told_what_to_do(request_tracker: RequestTracker) -> None:
    with (
        RtClient(request_tracker.url, "1-14-" + "0" * 32) as client,
        pytest.raises(RtRefused, match="set RT_TOKEN") as refused,
    ):
        client.rt_version()
    assert refused.value.status == 401


def test_the_version_is_known(client: RtClient) -> None:
    assert client.rt_version().startswith("5.")


def test_a_wrong_endpoint_is_told_apart_from_a_missing_asset(request_tracker: RequestTracker) -> None:
    for endpoint in ("/REST/3", "/REST/2.0/nowhere"):
        with (
            RtClient(request_tracker.url, request_tracker.token, api_endpoint=endpoint) as client,
            pytest.raises(RtRefused, match="API_ENDPOINT"),
        ):
            client.rt_version()


def test_users_are_found_by_name_and_by_number(client: RtClient) -> None:
    student = client.user("Student1001")
    assert (student.name, student.real_name, student.email, student.privileged) == (
        "student1001",
        "Student 1001",
        "student1001@rt.test",
        False,
    )
    assert client.user(student.id) == student
