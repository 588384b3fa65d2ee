"""What a password must be: long, and not one that is tried first. Nothing is asked of its letters."""

import re

import pytest

from request_tracker_utils.accounts import passwords
from request_tracker_utils.core.errors import Invalid


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "wild tulips in march",
        "alllowercaseyetrare",
        "KEIN TAG OHNE TEE",
        "naïve façade über",
        "猫が窓から月を見ている夜",
        "🐢🦉🐝🦔🐙🦀🐧🦋🐞🦎",
        "  blanks count too  ",
        "x7" + "qvwz pk mj" * 19,
    ],
)
def test_a_few_words_in_any_script_will_do(password: str) -> None:
    assert passwords.checked(password, name="ada") == password


@pytest.mark.parametrize(("length", "fits"), [(0, False), (9, False), (10, True), (200, True), (201, False), (100_000, False)])
def test_it_has_ten_to_two_hundred_characters(length: int, fits: bool) -> None:
    password = ("turnip glove " * 8_000)[:length]
    if fits:
        assert passwords.checked(password)
    else:
        with pytest.raises(Invalid, match="characters") as refused:
            passwords.checked(password)
        assert refused.value.fields["field"] == "password"


@pytest.mark.parametrize(
    "password", ["qwertyuiop", "1234567890", "Password123!", "!!sunshine2024", "123monkey1234", "ILoveYou!!!!", "basketball", "Passw0rd12"]
)
def test_common_passwords_are_rejected_also_with_decorations(password: str) -> None:
    with pytest.raises(Invalid, match="attackers try it first"):
        passwords.checked(password)


def test_a_common_word_among_others_is_fine() -> None:
    assert passwords.checked("sunshine over the monkey bars")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("b.wigglesworth", "b.wigglesworth"),
        ("b.wigglesworth", "B.Wigglesworth7!"),
        ("b.wigglesworth", "2024b.wigglesworth"),
        ("pupil73051", "pupil73051"),
        ("pupil73051", "pupil73051!!"),
        ("ada", "Ada-Ada-Ada!"),
        ("", "aaaaaaaaaaaa"),
        ("", "ababababcdcdcd"),
    ],
)
def test_the_own_name_and_repeated_letters_are_rejected(name: str, password: str) -> None:
    with pytest.raises(Invalid):
        passwords.checked(password, name=name)


def test_ones_name_within_a_long_phrase_is_fine() -> None:
    assert passwords.checked("correct horse battery", name="correct")
    assert passwords.checked("wild tulips in march", name="in")


def test_the_list_of_common_passwords_contains_sorted_unique_hashes() -> None:
    lines = passwords.COMMON.read_text().splitlines()
    assert all(re.fullmatch("[0-9a-f]{8}", line) for line in lines)
    assert lines == sorted(set(lines))
    assert len(lines) > 10_000


def test_only_the_right_password_matches_and_two_hashes_of_it_differ() -> None:
    first, second = (passwords.hashed("correct horse battery") for _ in range(2))
    assert first != second
    assert first.startswith("$argon2id$")
    assert passwords.matches(first, "correct horse battery")
    for wrong in ("", "correct horse batterY", "correct horse battery ", "correct horse battery" * 1000):
        assert not passwords.matches(first, wrong)


@pytest.mark.parametrize("stored", [None, "", "plain text", "$argon2id$v=19$broken"])
def test_where_no_good_hash_is_stored_nothing_matches(stored: str | None) -> None:
    assert not passwords.matches(stored, "the password of nobody")


def test_a_long_password_does_not_match_its_prefix() -> None:
    stored = passwords.hashed("turnip glove " * 15)
    assert not passwords.matches(stored, "turnip glove " * 16)
