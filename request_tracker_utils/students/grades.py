"""Grades: `PK`, `K`, the numbers 1 to 13, and other names that a school uses."""

import re
from functools import lru_cache

from request_tracker_utils.core.text import clean, unprintable_character
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.students.errors import InvalidField

LAST_NUMBER = 13
MAX_LENGTH = 20
ORDERED_GRADES = ["PK", "K", *map(str, range(1, LAST_NUMBER + 1))]
"""Grades with an order, from the first to the last."""
OTHER_RANK, NO_GRADE_RANK = 50, 99
"""Ranks of other names, and of students without a grade: after all ordered grades."""
_NUMBER = re.compile(r"(-?[0-9]{1,4})(?:\.0+)?(?:st|nd|rd|th)?")
"""Also `1.0` and `9th`."""
_UNIT = re.compile(r"^(?:grade|grd|gr\.?|g)[ :#.-]*(?=[0-9kp])|[ -]*grade$")
"""`Grade 9`, `Gr. 9`, `G9`, `9th grade`, `ninth grade`."""
_ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"]
_SPELLINGS = {
    **dict.fromkeys(("pk", "prek", "pre k", "pre-k", "pkg", "prekindergarten", "pre kindergarten", "pre-kindergarten", "-1"), "PK"),
    **dict.fromkeys(("k", "kg", "kdg", "kn", "kinder", "kindergarten", "0"), "K"),
    **{word: str(number) for number, word in enumerate(_ORDINALS, 1)},
    **dict.fromkeys(("freshman", "freshmen"), "9"),
    **dict.fromkeys(("sophomore", "sophomores"), "10"),
    **dict.fromkeys(("junior", "juniors"), "11"),
    **dict.fromkeys(("senior", "seniors"), "12"),
}
"""Student information systems export K as 0 and PK as -1."""


@lru_cache(maxsize=1_000)
def parse_grade(text: str) -> str | None:
    """The grade in its standard spelling, however people write it; other names unchanged; None for blank text. Raises InvalidField."""
    text = " ".join(clean(text).split())
    if not text:
        return None
    word = _UNIT.sub("", text.lower()) or text
    number = _NUMBER.fullmatch(word)
    if (named := _SPELLINGS.get(str(int(number[1])) if number else word)) is not None:
        return named
    if number:
        if 1 <= int(number[1]) <= LAST_NUMBER:
            return str(int(number[1]))
        raise InvalidField(
            _("%(grade)s is not a grade. Enter PK, K, or a number from 1 to %(last)s.", grade=text, last=LAST_NUMBER), field="grade"
        )
    if len(text) > MAX_LENGTH:
        raise InvalidField(_("The grade is longer than %(limit)s characters.", limit=MAX_LENGTH), field="grade")
    if character := unprintable_character(text):
        raise InvalidField(_("The grade contains the character %(code)s. Remove it.", code=character), field="grade")
    return text


def grade_rank(grade: str | None) -> int:
    """The sort key: PK, K, 1 to 13, other names, no grade."""
    if grade is None:
        return NO_GRADE_RANK
    return ORDERED_GRADES.index(grade) - 1 if grade in ORDERED_GRADES else OTHER_RANK


def next_grade(grade: str) -> str | None:
    """None after the last grade, and for grades without an order."""
    position = ORDERED_GRADES.index(grade) + 1 if grade in ORDERED_GRADES else len(ORDERED_GRADES)
    return ORDERED_GRADES[position] if position < len(ORDERED_GRADES) else None


def grade_value(grade: str | None) -> int | str | None:
    """The grade in JSON: a number where it is one."""
    return int(grade) if grade and grade.isascii() and grade.isdigit() else grade


def grade_label(grade: str | None) -> str:
    """The grade in a sentence: `grade 9`, `kindergarten`."""
    if grade is None:
        return _("no grade")
    if grade.isdigit():
        return _("grade %(number)s", number=grade)
    return {"K": _("kindergarten"), "PK": _("pre-kindergarten")}.get(grade, grade)
