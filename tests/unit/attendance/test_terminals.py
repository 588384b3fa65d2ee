"""Adding terminals, and which addresses they may have."""

from datetime import datetime

import pytest

from request_tracker_utils.attendance.addresses import check_address
from request_tracker_utils.attendance.errors import InvalidTerminalField, TerminalExists
from tests.services.attendance import NOW, added, terminal
from tests.services.tables import check_all


def test_addresses_of_terminals_are_their_own() -> None:
    def becomes(text: str, expected: str) -> None:
        assert check_address(text, allow_loopback=False) == expected

    def is_refused(text: str) -> None:
        for allow_loopback in (False, True):
            with pytest.raises(InvalidTerminalField) as error:
                check_address(text, allow_loopback=allow_loopback)
            assert error.value.fields == {"field": "ip_address"}

    check_all(
        [(" 10.0.0.50 ", "10.0.0.50"), ("192.168.1.201", "192.168.1.201"), ("FD00:0:0::5", "fd00::5"), ("8.8.8.8", "8.8.8.8")], becomes
    )
    check_all(
        [
            (each,)
            for each in (
                "0.0.0.0",
                "0.1.2.3",
                "255.255.255.255",
                "240.0.0.1",
                "224.0.0.1",
                "169.254.169.254",
                "::",
                "ff02::1",
                "fe80::1",
                "fe80::1%eth0",
                "::ffff:10.0.0.50",
                "::ffff:127.0.0.1",
                "::10.0.0.50",
                "64:ff9b::a00:32",
                "2002:a00:32::1",
                "2001::1",
                "terminal.example.org",
                "10.0.0.050",
                "10.0.0.50:4370",
                "167772210",
                "",
            )
        ],
        is_refused,
    )
    for loopback in ("127.0.0.1", "127.9.9.9", "::1"):
        assert check_address(loopback, allow_loopback=True) == loopback
        with pytest.raises(InvalidTerminalField, match="Loopback"):
            check_address(loopback, allow_loopback=False)


@pytest.mark.usefixtures("inside")
def test_a_terminal_is_stored_as_it_was_entered() -> None:
    new = added(" Main \u00a0entrance ", "FD00::5", port=4371, transport="udp", layout="40", comm_key=4711, site="North High", timeout=5)
    found = terminal(new.id)
    assert (found.name, found.name_key, found.site, found.site_key) == ("Main entrance", "main entrance", "North High", "north high")
    assert (found.address, found.port, found.transport, found.layout, found.timeout) == ("fd00::5", 4371, "udp", "40", 5)
    assert (found.comm_key_cipher, found.timezone, found.enabled, found.created_at) == ("encrypted 4711", "America/Chicago", True, NOW)
    assert terminal(added("Gym", "10.0.0.51", comm_key=0, cutoff=datetime.fromisoformat("2026-01-01")).id).comm_key_cipher is None


@pytest.mark.usefixtures("inside")
def test_what_cannot_be_stored_names_its_field() -> None:
    def names(values: dict[str, object], field: str) -> None:
        with pytest.raises(InvalidTerminalField) as error:
            added(**{"name": "Entrance", **values})  # type: ignore[arg-type]
        assert error.value.fields == {"field": field}

    check_all(
        [
            ({"name": " \u200b"}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"name": "bell\x07"}, "name"),
            ({"site": "x" * 101}, "site"),
            ({"port": 0}, "port"),
            ({"port": 65_536}, "port"),
            ({"transport": "icmp"}, "transport"),
            ({"layout": "7"}, "layout"),
            ({"timeout": 0.5}, "timeout"),
            ({"timeout": float("nan")}, "timeout"),
            ({"comm_key": -1}, "comm_key"),
            ({"comm_key": 1_000_000}, "comm_key"),
            ({"timezone": "Chicago"}, "timezone"),
            ({"timezone": "../etc/passwd"}, "timezone"),
            ({"address": "nowhere"}, "ip_address"),
        ],
        names,
    )


@pytest.mark.usefixtures("inside")
def test_two_terminals_have_neither_one_name_nor_one_address() -> None:
    added("Entrance", "10.0.0.50")
    for name, address in (("ENTRANCE", "10.0.0.51"), ("Gym", "10.0.0.50")):
        with pytest.raises(TerminalExists):
            added(name, address)
    added("Gym", "10.0.0.50", port=4371)
    added("Former entrance", "10.0.0.50", enabled=False)
