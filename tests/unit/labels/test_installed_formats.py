"""The built-in formats, the site's, and the format that an asset gets."""

from dataclasses import replace
from pathlib import Path

import pytest

from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.settings import SettingsError
from request_tracker_utils.labels.current import installed_formats, site_template
from request_tracker_utils.labels.errors import UnknownFormat
from request_tracker_utils.labels.installed_formats import InstalledFormats, built_in_formats
from request_tracker_utils.labels.renderer import LabelContent
from request_tracker_utils.labels.validation import problems
from tests.services.apps import make_app
from tests.services.tables import check_all
from tests.unit.labels.test_format_files import CART

LARGE, SMALL = built_in_formats().get("large"), built_in_formats().get("small")
FORMATS = [
    SMALL,
    replace(SMALL, name="cables", types=("Cable", "Adapter")),
    replace(SMALL, name="books", catalogs=("Chromebooks",)),
]
INSTALLED = InstalledFormats({label.name: label for label in FORMATS}, "small")


def test_a_length_becomes_the_nearest_dot() -> None:
    coarse = replace(SMALL, dpi=203)
    assert [coarse.dots(millimeters) for millimeters in (0.05, 0.1, 10, 25.4)] == [0, 1, 80, 203]


def test_the_built_in_formats_are_valid_and_have_the_sizes_of_their_stock() -> None:
    assert (SMALL.width, SMALL.height) == (90.3, 29)
    assert (round(SMALL.printable.width, 2), round(SMALL.printable.height, 2)) == (83.9, 25.9)
    assert (LARGE.width, LARGE.height) == (100, 62)
    assert (round(LARGE.printable.width, 2), round(LARGE.printable.height, 2)) == (93.9, 58.9)
    assert [problems(label) for label in built_in_formats().all()] == [[]] * 5


def test_an_unknown_format_lists_the_installed_ones() -> None:
    with pytest.raises(UnknownFormat, match=r"“huge”.*large, small, avery-5160") as error:
        built_in_formats().get("huge")
    assert error.value.fields["known"] == ["large", "small", "avery-5160", "avery-5163", "avery-l7160"]


def test_the_type_takes_precedence_over_the_catalog_and_the_catalog_over_the_default() -> None:
    def check(asset: Asset, name: str) -> None:
        assert INSTALLED.for_asset(asset).name == name

    check_all(
        [
            (Asset(1, "W12-0001", catalog="General assets"), "small"),
            (Asset(1, "W12-0001", catalog="Chromebooks"), "books"),
            (Asset(1, "W12-0001", catalog="CHROMEBOOKS", fields={"Type": ""}), "books"),
            (Asset(1, "W12-0001", catalog="Chromebooks", fields={"Type": "adapter"}), "cables"),
            (Asset(1, "W12-0001", catalog="Chromebooks", fields={"Type": "Laptop"}), "books"),
            (Asset(1, "W12-0001", catalog=""), "small"),
        ],
        check,
    )


def test_fitting_formats_are_those_that_can_print_the_label() -> None:
    content = LabelContent(1, "W12-0001", "https://x.example.org/1")

    def check(tag: str, names: list[str]) -> None:
        assert [label.name for label in built_in_formats().fitting(replace(content, tag=tag))] == names

    check_all(
        [
            ("W12-0001", [label.name for label in built_in_formats().all()]),
            ("Projector cart 4", ["large", "small", "avery-5163", "avery-l7160"]),
            ("A" * 80, []),
        ],
        check,
    )


def test_a_site_adds_formats_and_replaces_built_in_ones(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(CART + CART.replace("formats.cart", "formats.small"), encoding="utf-8")
    app = make_app(tmp_path, label_formats_file=str(file), label_format="cart")
    with app.app_context():
        installed = installed_formats()
        assert [label.name for label in installed.all()] == ["large", "small", "avery-5160", "avery-5163", "avery-l7160", "cart"]
        assert (installed.get("small").title, installed.default) == ("Carts", "cart")
        assert site_template() is None


def test_an_invalid_or_missing_file_prevents_the_start_and_is_named(tmp_path: Path) -> None:
    def check(setting: str, content: str | None, problem: str) -> None:
        file = tmp_path / "site"
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_text(content, encoding="utf-8")
        with pytest.raises(SettingsError) as error:
            make_app(tmp_path, **{setting.lower(): str(file)})
        assert str(error.value).startswith(f"{setting}: ")
        assert problem in str(error.value)

    outside = CART.replace("x = 24, y = 12", "x = -24, y = 12")
    check_all(
        [
            ("LABEL_FORMATS_FILE", outside, f"{tmp_path}/site: formats.cart.texts[1]: is outside"),
            ("LABEL_FORMATS_FILE", "[formats", f"{tmp_path}/site: is not valid TOML"),
            ("LABEL_TEMPLATE_PATH", "\n{% if %}", f"{tmp_path}/site failed in line 2: Expected an expression"),
            ("LABEL_FORMATS_FILE", None, ""),
            ("LABEL_TEMPLATE_PATH", None, ""),
        ],
        check,
    )


def test_the_default_format_must_be_installed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"LABEL_FORMAT: the label format “huge” does not exist. Choose one of: large, small"):
        make_app(tmp_path, label_format="huge")
