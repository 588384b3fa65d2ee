"""Request Tracker tells of new assets: the plugin that we ship, and the bare call of older installations."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from request_tracker_utils.integrations.rt import RtClient, RtError
from tests.services.local_server import Call, LocalServer, Reply
from tests.services.request_tracker import NOT_INSTALLED, RequestTracker, Webhook, installed

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


def set_up(rt: RequestTracker, receiver: LocalServer, webhook: Webhook) -> RequestTracker:
    if rt.webhook != webhook:
        rt.restart(webhook=webhook)
    receiver.calls.clear()
    return rt


def test_a_new_asset_is_told_of_and_gets_the_tag_as_its_name(rt: RequestTracker, receiver: LocalServer) -> None:
    receiver.respond = tag("W12-0001")
    asset_id = rt.create_asset("Lap 'tóp'")
    assert rt.asset(asset_id)["Name"] == "W12-0001"
    (call,) = receiver.calls
    assert (call.method, call.path, call.headers["authorization"]) == ("POST", "/webhook/asset-created", f"Bearer {SECRET}")
    assert call.headers["content-type"] == "application/json"
    body = call.json
    assert abs(body.pop("timestamp") - time.time()) < 30
    assert body == {"asset_id": asset_id, "asset_name": "Lap 'tóp'", "catalog": "Chromebooks", "event": "create"}


def test_an_asset_made_in_the_browser_gets_its_tag_too(rt: RequestTracker, receiver: LocalServer) -> None:
    receiver.respond = tag("W12-0002")
    asset_id = rt.create_asset_by_form("made in the browser")
    assert rt.asset(asset_id)["Name"] == "W12-0002"
    assert [call.json["asset_name"] for call in receiver.calls] == ["made in the browser"]


def test_other_catalogs_are_not_told_of(rt: RequestTracker, receiver: LocalServer) -> None:
    asset_id = rt.create_asset("a desk", catalog="General assets")
    assert rt.asset(asset_id)["Name"] == "a desk"
    assert receiver.calls == []


def test_a_name_that_is_the_tag_already_is_left_alone(rt: RequestTracker, receiver: LocalServer) -> None:
    receiver.respond = tag("W12-0003")
    asset_id = rt.create_asset("W12-0003")
    history = rt.rest("GET", f"asset/{asset_id}/history", params={"fields": "Type"}).json()["items"]
    assert [each["Type"] for each in history] == ["Create"]


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply({"error": "no"}, status=500), id="an error"),
        pytest.param(Reply({"error": "no"}, status=401), id="a refusal"),
        pytest.param(Reply(b"<html>not JSON"), id="a page"),
        pytest.param(Reply([1]), id="a list"),
        pytest.param(Reply({"asset_tag": {"a": 1}}), id="an odd tag"),
        pytest.param(Reply({"asset_tag": "123"}), id="a tag of digits"),
        pytest.param(Reply({"asset_tag": "a\nb"}), id="a tag of two lines"),
        pytest.param(Reply({"asset_tag": ""}), id="an empty tag"),
        pytest.param(Reply({"asset_tag": None}), id="no tag"),
        pytest.param(Reply(hang_up=True), id="no answer"),
        pytest.param(Reply(status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"}), id="a redirect"),
    ],
)
def test_a_webhook_that_fails_does_not_keep_the_asset_from_being_created(rt: RequestTracker, receiver: LocalServer, reply: Reply) -> None:
    receiver.respond = lambda call: reply
    asset_id = rt.create_asset("stays")
    assert rt.asset(asset_id)["Name"] == "stays"
    assert len(receiver.calls) == 1


@pytest.mark.parametrize(
    "reply", [Reply({"asset_tag": "late"}, wait=5), Reply({"asset_tag": "slow"}, every=0.3)], ids=["silent", "trickling"]
)
def test_a_webhook_that_hangs_costs_no_more_than_the_time_out(rt: RequestTracker, receiver: LocalServer, reply: Reply) -> None:
    receiver.respond = lambda call: reply
    begun = time.monotonic()
    asset_id = rt.create_asset("stays")
    assert time.monotonic() - begun < 3.5
    assert rt.asset(asset_id)["Name"] == "stays"


def test_the_log_says_which_asset_has_no_tag_and_never_the_token(rt: RequestTracker, receiver: LocalServer) -> None:
    receiver.respond = lambda call: Reply({"error": SECRET}, status=503)
    asset_id = rt.create_asset("stays")
    assert f"asset #{asset_id} has no tag yet" in rt.log()
    assert SECRET not in rt.log()
    shown = rt.signed_in().get(f"{rt.url}/Admin/Tools/Configuration.html", timeout=60).text
    assert "AssetTagWebhookURL" in shown
    assert SECRET not in shown
    assert "webhook-secret" not in shown


def test_whoever_asks_rt_about_the_asset_before_answering_waits_in_vain(rt: RequestTracker, receiver: LocalServer) -> None:
    outcomes: list[RtError | str] = []

    def ask_back(call: Call) -> Reply:
        with RtClient(rt.url, rt.token, read_timeout=0.7, retry_within=0) as client:
            try:
                outcomes.append(client.asset(call.json["asset_id"]).name)
            except RtError as error:
                outcomes.append(error)
        return Reply({"asset_tag": "W12-0004"})

    receiver.respond = ask_back
    asset_id = rt.create_asset("asked about")
    assert len(outcomes) == 1
    assert isinstance(outcomes[0], RtError)
    assert rt.asset(asset_id)["Name"] in ("W12-0004", "asked about")


def test_told_after_the_commit_the_receiver_may_ask_back(rt: RequestTracker, receiver: LocalServer) -> None:
    set_up(rt, receiver, configured(receiver, stage="after", catalogs=()))
    seen: list[str] = []

    def ask_back(call: Call) -> Reply:
        seen.append(rt.asset(call.json["asset_id"])["Name"])
        return Reply({"asset_tag": "W12-0005"})

    receiver.respond = ask_back
    asset_id = rt.create_asset("a desk", catalog="General assets")
    assert (seen, rt.asset(asset_id)["Name"]) == (["a desk"], "W12-0005")
    receiver.respond = tag("W12-0006")
    assert rt.asset(rt.create_asset_by_form("by form"))["Name"] == "W12-0006"
    receiver.respond = lambda call: Reply(status=500)
    assert rt.asset(rt.create_asset("stays"))["Name"] == "stays"


@pytest.mark.parametrize("stage", ["inside", "after"])
def test_the_bare_call_sends_the_id_and_nothing_of_the_asset(rt: RequestTracker, receiver: LocalServer, stage: str) -> None:
    set_up(rt, receiver, Webhook(receiver.url, stage=stage, style="bare"))  # type: ignore[arg-type]
    receiver.respond = tag("W12-0007")
    asset_id = rt.create_asset("bare")
    (call,) = receiver.calls
    assert call.json.keys() == {"asset_id", "event", "timestamp"}
    assert call.json["asset_id"] == asset_id
    assert "authorization" not in call.headers
    assert rt.asset(asset_id)["Name"] == "W12-0007"


def filled_in(template: str, url: str, asset_store: Path) -> Path:
    text = (SHIPPED / template).read_text().replace("@WEBHOOK_URL@", url).replace("@WEBHOOK_TOKEN@", "scrip-token")
    path = asset_store / template
    path.write_text(text)
    return path


def test_the_scrip_does_as_the_plugin_does(rt: RequestTracker, receiver: LocalServer, tmp_path: Path) -> None:
    receiver.respond = tag("W12-0008")
    rt.restart(webhook=None)
    receiver.calls.clear()
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
    receiver.respond = lambda call: Reply(b"junk", status=500)
    assert rt.run_scrip(condition, action, "stays") == "stays"


def test_the_lines_for_the_configuration_load_the_plugin(rt: RequestTracker, receiver: LocalServer, tmp_path: Path) -> None:
    receiver.respond = tag("W12-0009")
    snippet = filled_in("RT_SiteConfig.snippet.pm", f"{receiver.url}/webhook/asset-created", rt.asset_store / "conf.d")
    try:
        rt.restart(webhook=None)
        assert rt.asset(rt.create_asset("by the snippet"))["Name"] == "W12-0009"
    finally:
        snippet.unlink()
    assert receiver.calls[-1].headers["authorization"] == "Bearer scrip-token"


def test_several_request_trackers_run_beside_each_other(rt: RequestTracker, tmp_path: Path) -> None:
    with RequestTracker(tmp_path, workers=1) as other:
        assert other.url != rt.url
        number = other.create_asset("only here")
        assert other.asset(number)["Name"] == "only here"
        assert "only here" not in rt.all_assets().values()
