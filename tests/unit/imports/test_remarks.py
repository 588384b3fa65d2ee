"""Text from a wrong encoding is recognized."""

from request_tracker_utils.imports.remarks import DAMAGED
from tests.services.tables import check_all

NAMES = (
    "García",
    "José",
    "Muñoz",
    "Peña",
    "López",
    "Ramón",
    "Chloë",
    "Müller",
    "Ángela",
    "Benoît",
    "Łukasz",
    "Ягода",
    "Martínez",
    "Zoë",
    "Façade",
)


def damaged(name: str) -> bool:
    return DAMAGED.search(name) is not None


def test_text_that_was_written_in_one_encoding_and_read_in_another_is_recognized() -> None:
    def check(name: str, written: str, read: str) -> None:
        text = name.encode(written).decode(read, "replace").replace("\xad", "").replace("\xa0", " ")
        assert damaged(text), text

    ascii_only = [name for name in NAMES if not name.isascii()]
    check_all([(name, "utf-8", "cp1252") for name in ascii_only], check)
    check_all([(name, "utf-8", "mac_roman") for name in ascii_only if name not in ("Łukasz", "Ягода")], check)
    check_all([(name, "mac_roman", "cp1252") for name in ("García", "José", "Muñoz", "Peña", "López", "Müller", "Zoë", "Martínez")], check)
    check_all([(name, "cp1252", "mac_roman") for name in ("García", "José", "Peña", "López")], check)
    check_all([(name, "cp1252", "utf-8") for name in ("García", "José")], check)


def test_names_are_not_damaged() -> None:
    def check(name: str) -> None:
        assert not damaged(name)

    others = (
        "O’Brien",
        "D’Angelo",
        "St. John’s",
        "Queen’s",
        "Tomáš Žižka",
        "Šárka",
        "JOÃO",
        "IRMÃ",
        "CONCEIÇÃO",
        "Đặng",
        "Ka’ala",
        "Smith–Jones",
    )
    check_all([*NAMES, *others, "MAÑANA", "Île-de-France", "Çelik", "ÑANDÚ", "Chromebook™", "Zoë’s", "François", "PeÑa", "Nuʻuanu"], check)
