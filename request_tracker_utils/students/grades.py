"""Grades: `PK`, `K`, numbers from 1 to 13, or what a school calls them otherwise."""

import re
from functools import lru_cache

from request_tracker_utils.students.errors import FieldUnfit

LAST_NUMBER = 13
OTHER, NONE = 50, 99
"""Ranks of grades that are no number, and of students who have none: behind all others."""
LONGEST = 20
_NUMBER = re.compile(r"-?[0-9]{1,4}")
_NAMES = {"pk": "PK", "prek": "PK", "pre k": "PK", "pre-k": "PK", "-1": "PK", "k": "K", "kg": "K", "kindergarten": "K", "0": "K", "00": "K"}
"""Spellings; student information systems export K as 0 and PK as -1."""
NUMBERED = ["PK", "K", *map(str, range(1, LAST_NUMBER + 1))]
"""Grades that have an order, from the first to the last."""


@lru_cache(maxsize=1_000)
def grade_of(text: str) -> str | None:
    """The grade that somebody wrote; None where nothing is written. Raises FieldUnfit."""
    text = " ".join(text.split())
    if not text:
        return None
    if (named := _NAMES.get(text.lower())) is not None:
        return named
    if _NUMBER.fullmatch(text):
        if 1 <= int(text) <= LAST_NUMBER:
            return str(int(text))
        raise FieldUnfit(f"Grade {text} is none: write PK, K, or a number from 1 to {LAST_NUMBER}.", field="grade")
    if len(text) > LONGEST or not text.isprintable():
        raise FieldUnfit(f"The grade is longer than {LONGEST} characters, or holds signs that no grade has.", field="grade")
    return text


def rank(grade: str | None) -> int:
    """Its place in the order: PK, K, 1 to 13, others, none."""
    if grade is None:
        return NONE
    return NUMBERED.index(grade) - 1 if grade in NUMBERED else OTHER


def following(grade: str) -> str | None:
    """The grade after this one; None behind the last, and for grades that are no number."""
    place = NUMBERED.index(grade) + 1 if grade in NUMBERED else len(NUMBERED)
    return NUMBERED[place] if place < len(NUMBERED) else None


def as_told(grade: str | None) -> int | str | None:
    """As programs are told: a number where it is one."""
    return int(grade) if grade and grade.isascii() and grade.isdigit() else grade


def spoken(grade: str | None) -> str:
    """As people read it: `grade 9`, `Kindergarten`."""
    if grade is None:
        return "no grade"
    return {"K": "kindergarten", "PK": "pre-kindergarten"}.get(grade, f"grade {grade}" if grade.isdigit() else grade)
