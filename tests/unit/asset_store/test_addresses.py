"""Which asset an address names, in an installation with Request Tracker."""

from unittest.mock import Mock

from request_tracker_utils.asset_store.addresses import asset_id_at
from tests.services.tables import check_all

RT = "https://rt.example.org/Asset/Display.html?id="
OWN = "http://utils.example.org:8080"


def test_an_address_names_an_asset_of_request_tracker_or_of_this_program_only() -> None:
    asset_store = Mock(page_address=lambda asset_id: f"{RT}{asset_id}")

    def check(text: str, asset_id: int | None) -> None:
        assert asset_id_at(asset_store, text, OWN) == asset_id

    named = [f"{RT}7", f"]Q1{RT}7", f"{OWN}/assets/7", "http://RT.example.org/Asset/Display.html?id=7"]
    others = [f"{RT}0", f"{RT}2147483648", f"{RT}7&x=7", f"{RT}x7", "https://rt.example.org/Ticket/Display.html?id=7", f"{OWN}/tasks/7"]
    odd = ["", "7", "/assets/7", "W12-0007", "http://utils.example.org/assets/7", f"{OWN}/assets/", "http://[x/assets/7", "://7"]
    check_all([*((text, 7) for text in named), *((text, None) for text in [*others, *odd, f"{OWN}/assets/007"])], check)
