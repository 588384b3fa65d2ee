"""Chat messages through Apprise, and which addresses it may use."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from request_tracker_utils.core.ip_addresses import address_of
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.integrations.http.connections import public_address
from request_tracker_utils.integrations.http.exchange import Answer
from request_tracker_utils.notifications.providers import chat_addresses
from request_tracker_utils.notifications.providers.apprise import AppriseProvider
from request_tracker_utils.notifications.providers.chat_addresses import (
    InvalidChatAddress,
    check_personal_addresses,
    parse_chat_address,
)
from request_tracker_utils.notifications.providers.folder import FolderProvider, delete_older
from request_tracker_utils.notifications.providers.http import HttpService
from request_tracker_utils.notifications.providers.interface import (
    Accepted,
    BadRecipient,
    Busy,
    NotConnected,
    Refused,
    RenderedMessage,
    Silent,
)
from tests.services.local_server import Call, LocalServer, Reply
from tests.services.providers import KEY, Ntfy, message, outcome
from tests.services.tables import check_all

WEBHOOK = "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
SLACK = f"slack://{WEBHOOK}"
TEAMS = "workflow://prod-12.westus.example.org:443/643e69f83c8944/KODuebWbDGYFr0z0eu"
DISCORD = "discord://123456789012345678/abcdefghijklmnopqrstuvwx"
SNS = "sns://AHIAJGNT76XIMXDBIJYA/bu1dHSdO22pfaaVy/wmNsdjJF4C07D3bndi9PQJSfsOPwkwobpte048A/us-west-2/#topic"


def chat(to: str = "", text: str = "Hello") -> RenderedMessage:
    return message(Channel.CHAT, to=to, text=text)


@pytest.fixture
def provider(tmp_path: Path) -> AppriseProvider:
    return AppriseProvider("", folder=FolderProvider(Channel.CHAT, tmp_path / "outbox"), allow_private=True)


def test_which_addresses_are_permitted() -> None:
    def fits(address: str) -> None:
        assert check_personal_addresses(address) == [address]

    check_all(
        [
            (SLACK,),
            (f"{SLACK}?footer=no",),
            (TEAMS,),
            ("ntfys://tk_secret@ntfy.school.example.org/tickets?priority=high",),
            ("ntfy://tickets-of-ada",),
            (DISCORD,),
            ("mmosts://chat.school.example.org/3ccdd113474722377935511fc85d3dd4",),
            ("gchat://workspace/key/token",),
            (SNS,),
        ],
        fits,
    )


def test_addresses_that_reach_too_far_are_refused() -> None:
    def refused(address: str) -> None:
        with pytest.raises(InvalidChatAddress) as error:
            check_personal_addresses(address)
        assert "secret" not in str(error.value)

    bad = [
        "x",
        "://",
        "file:///etc/secret",
        "syslog://",
        "json://localhost/secret",
        "jsons://example.org/secret",
        "xml://example.org",
        "mailto://secret:secret@example.org",
        "exec://secret",
        "dbus://",
        "http://169.254.169.254/latest/meta-data",
        "ntfys://localhost/secret",
        "ntfys://127.0.0.1/secret",
        "ntfys://10.0.0.5/secret",
        "ntfys://192.168.1.1:8080/secret",
        "ntfys://169.254.169.254/secret",
        "ntfys://[::1]/secret",
        "ntfys://[fd00::1]/secret",
        "ntfys://[::ffff:10.0.0.5]/secret",
        "mmosts://127.0.0.1/3ccdd113474722377935511fc85d3dd4",
        "ntfy://ntfy.school.example.org/secret",
        "mmost://chat.school.example.org/3ccdd113474722377935511fc85d3dd4",
        f"{SLACK}?template=/etc/secret",
        f"{SLACK}?TEMPLATE=/etc/secret",
        f"{SLACK}?verify=no",
        f"{SLACK}?redirect=yes",
        f"{SLACK}?rto=99999",
        f"{SLACK}?retry=10&wait=3600",
        f"{SLACK}?+X-Header=secret",
        f"{SLACK}?overflow=split",
        f"{TEAMS}?template=/etc/secret",
        "ntfys://ntfy.school.example.org/one/two/secret",
        "ntfys://ntfy.school.example.org/secret?attach=http://10.0.0.5/",
        "ntfys://ntfy.school.example.org/secret?email=eve@example.org",
        "slack://secret",
        "ntfys://example.org/" + "x" * 500,
        "ntfys://example.org/a\x00b",
    ]
    check_all(bad, refused)
    with pytest.raises(InvalidChatAddress, match="at most 3"):
        check_personal_addresses("\n".join(f"ntfys://example.org/topic{number}" for number in range(4)))


def test_an_administrator_may_reach_the_own_network() -> None:
    def fits(address: str) -> None:
        parse_chat_address(address, personal=False)

    check_all(["ntfy://10.0.0.5/office", "json://localhost:8000/hook?+X-Key=1", "mmost://chat/3ccdd113474722377935511fc85d3dd4"], fits)

    def refused(address: str) -> None:
        with pytest.raises(InvalidChatAddress):
            parse_chat_address(address, personal=False)

    check_all([f"{SLACK}?template=/etc/passwd", "file:///tmp/x", "json://localhost/?verify=no"], refused)


def test_which_addresses_are_public() -> None:
    def check(text: str, public: bool) -> None:
        assert public_address(address_of(text)) is public

    private = [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
    ]
    private += [
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "no",
    ]
    check_all([*((text, False) for text in private), ("8.8.8.8", True), ("2606:4700:4700::1111", True)], check)


def test_a_name_of_a_private_address_is_refused_when_it_is_sent(tmp_path: Path) -> None:
    """What a name resolves to is known only then, and may change between a check and the connection."""
    with Ntfy() as ntfy:
        personal = f"ntfys://localhost:{ntfy.url.rsplit(':', 1)[1]}/topic"
        folder = FolderProvider(Channel.CHAT, tmp_path)
        strict, lenient = AppriseProvider("", folder=folder), AppriseProvider("", folder=folder, allow_private=True)
        # The name passes here: as if it had led elsewhere when it was entered.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(chat_addresses, "_check_reach", lambda _parts: None)
            found = outcome(strict, chat(personal))
        assert type(found) is BadRecipient
        assert "private network" in str(found)
        assert ntfy.calls == []
        assert type(outcome(lenient, chat(ntfy.chat_url("mine")))) is Accepted
        assert type(outcome(lenient, chat(personal))) is NotConnected, "it does not speak TLS"


def test_one_of_several_addresses_is_enough(provider: AppriseProvider) -> None:
    with Ntfy() as good, Ntfy("wrong key") as bad, Ntfy("lost") as lost:
        both = f"{bad.chat_url('a')}\n{good.chat_url('b')}"
        assert provider.send(chat(both), KEY) == Accepted("ntfy1")
        assert [each["topic"] for each in good.accepted] == ["b"]
        found = outcome(provider, chat(bad.chat_url("a")))
        assert type(found) is Refused
        assert "forbidden" in str(found)
        # Nobody may send it again where one of them may have it.
        assert type(outcome(provider, chat(f"{bad.chat_url('a')}\n{lost.chat_url('c')}"))) is Silent
        assert type(outcome(provider, chat("file:///etc/passwd"))) is BadRecipient


def test_nobody_is_called_by_a_name(provider: AppriseProvider) -> None:
    """Text of people is in messages; services turn `@everyone` into a call to everybody."""
    with Ntfy() as ntfy:
        provider.send(chat(ntfy.chat_url("a"), text="From @everyone and <!channel>, mail a@allen.example.org"), KEY)
        text = ntfy.accepted[0]["message"]
        assert "@everyone" not in text
        assert "<!" not in text
        assert "a@allen.example.org" in text


def test_each_service_is_sent_through_our_connection(provider: AppriseProvider, tmp_path: Path) -> None:
    """Apprise has no hook for its HTTP client. If a new version changes how its plugins send, this fails: nothing may leave another way."""
    sent: list[str] = []

    def note(self: HttpService, method: str, url: str, **_options: object) -> None:
        sent.append(url)
        raise Silent("noted")

    def check(address: str) -> None:
        sent.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(HttpService, "exchange", note)
            assert type(outcome(AppriseProvider(address, folder=FolderProvider(Channel.CHAT, tmp_path)), chat())) is Silent
        assert len(sent) == 1

    check_all(
        [
            SLACK,
            f"slack://xoxb-1234-1234-{'a' * 24}/#office",
            TEAMS,
            "ntfy://topic",
            DISCORD,
            "mmosts://chat.school.example.org/3ccdd113474722377935511fc85d3dd4",
            "gchat://workspace/key/token",
            SNS,
            "jsons://example.org/hook",
        ],
        check,
    )


def test_a_service_that_is_busy_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin for Discord would wait as long as the response says, and send again."""
    sent: list[str] = []

    def busy(self: HttpService, method: str, url: str, **_options: object) -> Answer:
        sent.append(url)
        return Answer(429, {"retry-after": "3", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 3)}, b"{}")

    monkeypatch.setattr(HttpService, "exchange", busy)

    def check(address: str) -> None:
        sent.clear()
        found = outcome(AppriseProvider(address, folder=FolderProvider(Channel.CHAT, tmp_path)), chat())
        assert isinstance(found, Busy)
        assert found.retry_after == timedelta(seconds=3)
        assert len(sent) == 1

    check_all([SLACK, TEAMS, "ntfy://topic", DISCORD, "gchat://workspace/key/token", SNS], check)


def test_a_refusal_with_status_200(tmp_path: Path) -> None:
    def respond(_call: Call) -> Reply:
        return Reply({"ok": False, "error": "channel_not_found"})

    with LocalServer(respond) as server:
        address = server.url.replace("http://", "json://") + "/hook"
        office = AppriseProvider(address, folder=FolderProvider(Channel.CHAT, tmp_path))
        assert type(outcome(office, chat())) is Accepted  # a JSON hook says nothing about it
        server.respond = lambda _call: Reply(b"<html>blocked</html>", 200, {"Content-Type": "text/html"})
        assert type(outcome(office, chat())) is Silent
        server.respond = lambda _call: Reply({"error": "gone"}, 410)
        found = outcome(office, chat())
        assert type(found) is Refused
        assert "revoked" in str(found)


def test_office_messages_without_addresses_go_to_the_folder(provider: AppriseProvider, tmp_path: Path) -> None:
    provider.send(chat(), KEY)
    folder = tmp_path / "outbox"
    assert len(list(folder.iterdir())) == 1
    (folder / "notes.txt").write_text("of a person")
    assert delete_older(folder, datetime(2020, 1, 1, tzinfo=UTC)) == 0
    assert delete_older(folder, datetime(2120, 1, 1, tzinfo=UTC)) == 1
    assert [file.name for file in folder.iterdir()] == ["notes.txt"]
    assert delete_older(tmp_path / "none", datetime(2120, 1, 1, tzinfo=UTC)) == 0
