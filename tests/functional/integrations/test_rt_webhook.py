"""Request Tracker reports new assets: by our plugin, and by the minimal call of older installations.

Tests with the same configuration of Request Tracker are neighbors: it restarts for each other one.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from request_tracker_utils.integrations.rt import RtClient, RtError
from tests.services.local_server import Call, LocalServer, Reply, wait_until
from tests.services.request_tracker import NOT_INSTALLED, RequestTracker, Webhook, installed
from tests.services.tables import check_all

pytestmark = pytest.mark.rt

SHIPPED = Path(__file__).parents[3] / "contrib" / "rt"
SECRET = "webhook-secret's"


def tag(text: str) -> Callable[[Call], Reply]:
    return lambda call: Reply({"asset_tag": text})


@pytest.fixture(scope="module")
def receiver() -> Iterator[LocalServer]:
    with LocalServer(tag("unused")) as server:
        yield server


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, receiver: LocalServer) -> Iterator[RequestTracker]:
    if not installed():
        pytest.skip(NOT_INSTALLED)
    with RequestTracker(tmp_path_factory.mktemp("rt-webhook"), workers=3, webhook=configured(receiver)) as running:
        yield running


def configured(receiver: LocalServer, **changes: object) -> Webhook:
    settings: dict[str, object] = {"timeout": 1, "catalogs": ("Chromebooks", "Cables"), **changes}
    return Webhook(f"{receiver.url}/webhook/asset-created", SECRET, **settings)  # type: ignore[arg-type]


@pytest.fixture
def rt(running: RequestTracker, receiver: LocalServer) -> RequestTracker:
    """With the plugin, inside RT's transaction, for two of three catalogs."""
    return set_up(running, receiver, configured(receiver))


def set_up(rt: RequestTracker, receiver: LocalServer, webhook: Webhook | None) -> RequestTracker:
    if rt.webhook != webhook:
        rt.restart(webhook=webhook)
    receiver.calls.clear()
    return rt


def test_a_new_asset_is_reported_and_gets_the_tag_as_its_name(rt: RequestTracker, receiver: LocalServer) -> None:
    receiver.respond = tag("W12-0001")
    asset_id = rt.create_asset("Lap 'tóp'")
    assert rt.asset(asset_id)["Name"] == "W12-0001"
    (call,) = receiver.calls
    assert (call.method, call.path, call.headers["authorization"]) == ("POST", "/webhook/asset-created", f"Bearer {SECRET}")
    assert call.headers["content-type"] == "application/json"
    body = call.json
    assert abs(body.pop("timestamp") - time.time()) < 30
    assert body == {"asset_id": asset_id, "asset_name": "Lap 'tóp'", "catalog": "Chromebooks", "event": "create"}


def test_an_asset_created_in_the_browser_gets_its_tag_too(rt: RequestTracker, receiver: LocalServer) -> None:
    receiver.respond = tag("W12-0002")
    asset_id = rt.create_asset_by_form("created in the browser")
    assert rt.asset(asset_id)["Name"] == "W12-0002"
    assert [call.json["asset_name"] for call in receiver.calls] == ["created in the browser"]


def test_assets_of_other_catalogs_are_not_reported(rt: RequestTracker, receiver: LocalServer) -> None:
    asset_id = rt.create_asset("a desk", catalog="General assets")
    assert rt.asset(asset_id)["Name"] == "a desk"
    assert receiver.calls == []


def test_a_name_that_is_already_the_tag_is_unchanged(rt: RequestTracker, receiver: LocalServer) -> None:
    receiver.respond = tag("W12-0003")
    asset_id = rt.create_asset("W12-0003")
    history = rt.rest("GET", f"asset/{asset_id}/history", params={"fields": "Type"}).json()["items"]
    assert [each["Type"] for each in history] == ["Create"]


def test_a_webhook_that_fails_does_not_prevent_the_assets_creation(rt: RequestTracker, receiver: LocalServer) -> None:
    def check(_name: str, reply: Reply) -> None:
        receiver.respond = lambda call: reply
        receiver.calls.clear()
        asset_id = rt.create_asset("stays")
        assert rt.asset(asset_id)["Name"] == "stays"
        assert len(receiver.calls) == 1

    check_all(
        [
            ("an error", Reply({"error": "no"}, status=500)),
            ("a refusal", Reply({"error": "no"}, status=401)),
            ("a page", Reply(b"<html>not JSON")),
            ("a list", Reply([1])),
            ("an odd tag", Reply({"asset_tag": {"a": 1}})),
            ("a tag of digits", Reply({"asset_tag": "123"})),
            ("a tag of two lines", Reply({"asset_tag": "a\nb"})),
            ("an empty tag", Reply({"asset_tag": ""})),
            ("no tag", Reply({"asset_tag": None})),
            ("no answer", Reply(hang_up=True)),
            ("a redirect", Reply(status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"})),
        ],
        check,
    )


def test_a_webhook_that_hangs_takes_no_longer_than_the_timeout(rt: RequestTracker, receiver: LocalServer) -> None:
    for reply in (Reply({"asset_tag": "late"}, wait=20), Reply({"asset_tag": "slow"}, every=1)):
        receiver.respond = lambda call, reply=reply: reply  # type: ignore[misc]
        started_at = time.monotonic()
        asset_id = rt.create_asset("stays")
        assert time.monotonic() - started_at < 15
        assert rt.asset(asset_id)["Name"] == "stays"


def test_the_log_names_the_asset_without_a_tag_and_never_the_token(rt: RequestTracker, receiver: LocalServer) -> None:
    receiver.respond = lambda call: Reply({"error": SECRET}, status=503)
    asset_id = rt.create_asset("stays")
    assert f"asset #{asset_id} has no tag yet" in rt.log()
    assert SECRET not in rt.log()
    shown = rt.signed_in().get(f"{rt.url}/Admin/Tools/Configuration.html", timeout=60).text
    assert "AssetTagWebhookURL" in shown
    assert SECRET not in shown
    assert "webhook-secret" not in shown


REFUSED = "http://127.0.0.1:1/webhook/asset-created"
REASONS = [
    ("refused", None, "could not be reached: Can't connect to 127.0.0.1:1 (Connection refused)"),
    ("silent", Reply(wait=20), "no response within 2 seconds"),
    ("trickling", Reply({"asset_tag": "slow"}, every=1), "no complete response within 2 seconds"),
    ("hanging up", Reply(hang_up=True), "could not be reached: Server closed connection"),
    ("an error", Reply({"error": "no"}, status=503), "answered 503"),
    ("a wrong token", Reply({"error": "no"}, status=401), "answered 401"),
    ("a page", Reply(b"<html>not JSON"), "response is not a JSON object"),
]


def test_the_log_of_the_plugin_says_why_there_is_no_tag(running: RequestTracker, receiver: LocalServer) -> None:
    url = f"{receiver.url}/webhook/asset-created"

    def check(_name: str, reply: Reply | None, reason: str) -> None:
        receiver.respond = lambda call: reply or Reply()
        asset_id = running.create_asset("stays")
        assert f"asset #{asset_id} has no tag yet: " in running.log()
        assert reason in running.log().rpartition(f"asset #{asset_id} has no tag yet: ")[2].partition("\n")[0]

    running.restart(webhook=Webhook(url, SECRET, timeout=2))
    check_all(REASONS[1:], check)
    running.restart(webhook=Webhook(REFUSED, SECRET, timeout=2))
    check_all(REASONS[:1], check)


def test_a_receiver_that_asks_rt_about_the_asset_before_it_answers_gets_none(rt: RequestTracker, receiver: LocalServer) -> None:
    outcomes: list[RtError | str] = []

    def ask_back(call: Call) -> Reply:
        # Asks twice, for a web session and for the asset: both are over before RT stops waiting for the tag and commits.
        with RtClient(rt.url, rt.token, read_timeout=0.3, retry_within=0) as client:
            try:
                outcomes.append(client.assets.get(call.json["asset_id"]).name)
            except RtError as error:
                outcomes.append(error)
        return Reply({"asset_tag": "W12-0004"})

    receiver.respond = ask_back
    asset_id = rt.create_asset("asked about")
    wait_until(lambda: bool(outcomes))
    assert len(outcomes) == 1
    assert isinstance(outcomes[0], RtError)
    assert rt.asset(asset_id)["Name"] in ("W12-0004", "asked about")


def test_after_the_commit_the_receiver_may_ask_rt_about_the_asset(running: RequestTracker, receiver: LocalServer) -> None:
    rt = set_up(running, receiver, configured(receiver, stage="after", catalogs=()))
    names: list[str] = []

    def ask_back(call: Call) -> Reply:
        names.append(rt.asset(call.json["asset_id"])["Name"])
        return Reply({"asset_tag": "W12-0005"})

    receiver.respond = ask_back
    asset_id = rt.create_asset("a desk", catalog="General assets")
    assert (names, rt.asset(asset_id)["Name"]) == (["a desk"], "W12-0005")
    receiver.respond = tag("W12-0006")
    assert rt.asset(rt.create_asset_by_form("by form"))["Name"] == "W12-0006"
    receiver.respond = lambda call: Reply(status=500)
    assert rt.asset(rt.create_asset("stays"))["Name"] == "stays"


def test_the_minimal_call_sends_only_the_id_of_the_asset(running: RequestTracker, receiver: LocalServer) -> None:
    receiver.respond = tag("W12-0007")
    for stage in ("inside", "after"):
        rt = set_up(running, receiver, Webhook(receiver.url, stage=stage, style="bare"))  # type: ignore[arg-type]
        asset_id = rt.create_asset("bare")
        (call,) = receiver.calls
        assert call.json.keys() == {"asset_id", "event", "timestamp"}
        assert call.json["asset_id"] == asset_id
        assert "authorization" not in call.headers
        assert rt.asset(asset_id)["Name"] == "W12-0007"


def filled_in(template: str, url: str, folder: Path) -> Path:
    text = (SHIPPED / template).read_text().replace("@WEBHOOK_URL@", url).replace("@WEBHOOK_TOKEN@", "scrip-token")
    path = folder / template
    path.write_text(text)
    return path


def test_the_lines_for_the_configuration_load_the_plugin(running: RequestTracker, receiver: LocalServer) -> None:
    snippet = filled_in("RT_SiteConfig.snippet.pm", f"{receiver.url}/webhook/asset-created", running.folder / "conf.d")
    try:
        running.restart(webhook=None)
        receiver.respond = tag("W12-0009")
        assert running.asset(running.create_asset("by the snippet"))["Name"] == "W12-0009"
    finally:
        snippet.unlink()
    assert receiver.calls[-1].headers["authorization"] == "Bearer scrip-token"


def test_the_scrip_does_the_same_as_the_plugin(running: RequestTracker, receiver: LocalServer, tmp_path: Path) -> None:
    """It runs in a separate process, which reads the configuration without the plugin."""
    rt = set_up(running, receiver, None)
    receiver.respond = tag("W12-0008")
    condition = filled_in("scrip-condition.pl", "", tmp_path)
    action = filled_in("scrip-action.pl", f"{receiver.url}/webhook/asset-created", tmp_path)
    assert rt.run_scrip(condition, action, "Lap top") == "W12-0008"
    (call,) = receiver.calls
    assert (call.path, call.headers["authorization"]) == ("/webhook/asset-created", "Bearer scrip-token")
    assert {name: call.json[name] for name in ("asset_name", "catalog", "event")} == {
        "asset_name": "Lap top",
        "catalog": "Chromebooks",
        "event": "create",
    }

    def check(_name: str, reply: Reply | None, reason: str) -> None:
        receiver.respond = lambda call: reply or Reply()
        before = len(rt.log())
        assert rt.run_scrip(condition, action if reply else refused, "stays") == "stays"
        logged = rt.log()[before:]
        assert reason in logged
        assert ("has no tag yet" in logged, "scrip-token" in logged) == (True, False)

    quick = action.read_text().replace("$timeout = 5", "$timeout = 2")
    action.write_text(quick)
    refused = tmp_path / "refused.pl"
    refused.write_text(quick.replace(f"{receiver.url}/webhook/asset-created", REFUSED))
    check_all(REASONS, check)
