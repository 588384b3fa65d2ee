"""Which formats there are, and which one an asset gets."""

from dataclasses import replace
from pathlib import Path

import pytest

from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.settings import SettingsError
from request_tracker_utils.labels.catalogue import Catalogue, built_in
from request_tracker_utils.labels.current import catalogue, own_template
from request_tracker_utils.labels.drawing import LabelContent
from tests.services.apps import make_app
from tests.unit.labels.test_format_file import CART

SMALL = built_in().named("small")
FORMATS = [
    SMALL,
    replace(SMALL, name="cables", types=("Cable", "Adapter")),
    replace(SMALL, name="books", catalogs=("Chromebooks",)),
]
SITE = Catalogue({label.name: label for label in FORMATS}, "small")


@pytest.mark.parametrize(
    ("asset", "name"),
    [
        (Asset(1, "W12-0001", catalog="General assets"), "small"),
        (Asset(1, "W12-0001", catalog="Chromebooks"), "books"),
        (Asset(1, "W12-0001", catalog="CHROMEBOOKS", fields={"Type": ""}), "books"),
        (Asset(1, "W12-0001", catalog="Chromebooks", fields={"Type": "adapter"}), "cables"),
        (Asset(1, "W12-0001", catalog="Chromebooks", fields={"Type": "Laptop"}), "books"),
        (Asset(1, "W12-0001", catalog=""), "small"),
    ],
)
def test_a_type_comes_before_a_catalog_and_a_catalog_before_the_usual_format(asset: Asset, name: str) -> None:
    assert SITE.for_asset(asset).name == name


def test_it_names_the_formats_that_print_a_label() -> None:
    content = LabelContent(1, "W12-0001", "https://x.example.org/1")
    every = [label.name for label in built_in().all()]
    assert [label.name for label in built_in().that_fit(content)] == every
    assert [label.name for label in built_in().that_fit(replace(content, tag="Projector cart 4"))] == [
        "large",
        "small",
        "avery-5163",
        "avery-l7160",
    ]
    assert built_in().that_fit(replace(content, tag="A" * 80)) == []


def test_a_site_adds_formats_and_replaces_ours(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(CART + CART.replace("formats.cart", "formats.small"), encoding="utf-8")
    app = make_app(tmp_path, label_formats_file=str(file), label_format="cart")
    with app.app_context():
        held = catalogue()
        assert [label.name for label in held.all()] == ["large", "small", "avery-5160", "avery-5163", "avery-l7160", "cart"]
        assert (held.named("small").title, held.default) == ("Carts", "cart")
        assert own_template() is None


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("LABEL_FORMATS_FILE", CART.replace("x = 24, y = 12", "x = -24, y = 12"), "formats.cart.texts[1]: lies outside"),
        ("LABEL_FORMATS_FILE", "[formats", "is not TOML"),
        ("LABEL_TEMPLATE_PATH", "\n{% if %}", "line 2, does not work: Expected an expression"),
    ],
)
def test_a_wrong_file_stops_the_start_and_is_named(tmp_path: Path, name: str, text: str, problem: str) -> None:
    file = tmp_path / "site"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refusal:
        make_app(tmp_path, **{name.lower(): str(file)})
    assert str(refusal.value).startswith(f"{name}: ")
    assert str(file) in str(refusal.value)
    assert problem in str(refusal.value)


@pytest.mark.parametrize("name", ["LABEL_FORMATS_FILE", "LABEL_TEMPLATE_PATH"])
def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: "):
        make_app(tmp_path, **{name.lower(): str(tmp_path / "nothing")})
