"""All-day events of iCalendar files, and files that are none. And a school year at a glance."""

from datetime import date

import pytest

from request_tracker_utils.calendars import year
from request_tracker_utils.calendars.errors import InvalidCalendarFile
from request_tracker_utils.calendars.ics import FileContent, read_file


def file(*events: str) -> bytes:
    bodies = "".join(f"BEGIN:VEVENT\r\n{each.replace('|', chr(13) + chr(10))}\r\nEND:VEVENT\r\n" for each in events)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{bodies}END:VCALENDAR\r\n".encode()


def shown(content: FileContent) -> list[tuple[str, str, str]]:
    return [(each.name, str(each.first_day), str(each.last_day)) for each in content.holidays]


def test_all_day_events_become_holidays() -> None:
    content = read_file(
        b"\xef\xbb\xbf"
        + file(
            "SUMMARY:Labor Day|DTSTART;VALUE=DATE:20260907|DTEND;VALUE=DATE:20260908",
            "SUMMARY:Spring break\\, no school|DTSTART;VALUE=DATE:20270315|DTEND;VALUE=DATE:20270320",
            "SUMMARY:Fall break|DTSTART;VALUE=DATE:20261012|DURATION:P2D",
            "SUMMARY:Veterans Day|DTSTART;VALUE=DATE:20261111",
            "SUMMARY:Same day as its end|DTSTART;VALUE=DATE:20261112|DTEND;VALUE=DATE:20261112",
            "SUMMARY:Labor Day|DTSTART;VALUE=DATE:20260907|DTEND;VALUE=DATE:20260908",
            "SUMMARY:A very long name that the exporting program has fold|\r\n ed onto another line|DTSTART;VALUE=DATE:20261113".replace(
                "|\r", "\r"
            ),
        )
    )
    assert shown(content) == [
        ("Labor Day", "2026-09-07", "2026-09-07"),
        ("Spring break, no school", "2027-03-15", "2027-03-19"),
        ("Fall break", "2026-10-12", "2026-10-13"),
        ("Veterans Day", "2026-11-11", "2026-11-11"),
        ("Same day as its end", "2026-11-12", "2026-11-12"),
        ("A very long name that the exporting program has folded onto another line", "2026-11-13", "2026-11-13"),
    ]
    assert content.skipped == []


def test_other_events_are_named_with_the_reason() -> None:
    events = {
        "SUMMARY:Meeting|DTSTART;TZID=America/Chicago:20260907T080000|DTEND;TZID=America/Chicago:20260907T090000": "time of day",
        "SUMMARY:In UTC|DTSTART:20260907T080000Z": "time of day",
        "SUMMARY:Birthday|DTSTART;VALUE=DATE:20260907|RRULE:FREQ=YEARLY": "repeated",
        "SUMMARY:Called off|DTSTART;VALUE=DATE:20260907|STATUS:CANCELLED": "canceled",
        "DTSTART;VALUE=DATE:20260907": "Enter a name",
        "SUMMARY:No day": "cannot be read",
        "SUMMARY:Bad day|DTSTART;VALUE=DATE:2026-09-07": "cannot be read",
        "SUMMARY:No such day|DTSTART;VALUE=DATE:20260231": "cannot be read",
        "SUMMARY:Two days|DTSTART;VALUE=DATE:20260907|DTSTART;VALUE=DATE:20260908": "cannot be read",
        "SUMMARY:Mixed|DTSTART;VALUE=DATE:20260907|DTEND:20260908T000000Z": "cannot be read",
        "SUMMARY:Backwards|DTSTART;VALUE=DATE:20260907|DTEND;VALUE=DATE:20260901": "before the first day",
        "SUMMARY:Too long|DTSTART;VALUE=DATE:20260907|DURATION:P400D": "at most 366 days",
        "SUMMARY:Endless|DTSTART;VALUE=DATE:20260907|DURATION:P99999999D": "cannot be read",
        "SUMMARY:Long ago|DTSTART;VALUE=DATE:00010101": "between 1900",
        f"SUMMARY:{'x' * 101}|DTSTART;VALUE=DATE:20260907": "at most 100",
        "SUMMARY:Bell \a|DTSTART;VALUE=DATE:20260907": "U+0007",
    }
    content = read_file(file(*events))
    assert content.holidays == []
    reasons = [each.reason for each in content.skipped]
    assert [wanted for wanted, reason in zip(events.values(), reasons, strict=True) if wanted not in reason] == [], reasons


@pytest.mark.timeout(60)
def test_bad_files_are_refused() -> None:
    event = "SUMMARY:x|DTSTART;VALUE=DATE:20260907"
    for data, problem in (
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"hello", "not an iCalendar"),
        (b"name,day\nLabor Day,2026-09-07\n", "not an iCalendar"),
        (b"PK\x03\x04" + bytes(100), "not an iCalendar"),
        (b"<html></html>", "not an iCalendar"),
        (file(event).replace(b"SUMMARY:x", "SUMMARY:é".encode("latin-1")), "not an iCalendar"),
        (file(event).decode().encode("utf-16"), "not an iCalendar"),
        (file(event).replace(b"SUMMARY:x", b"no colon"), None),
        (file(event).replace(b"END:VCALENDAR\r\n", b""), "incomplete"),
        (file(event)[:60], "incomplete"),
        (file(), "no events"),
        (b"BEGIN:VCARD\r\nFN:x\r\nEND:VCARD\r\n", "no events"),
        (b"BEGIN:VEVENT\r\nSUMMARY:x\r\nEND:VEVENT\r\n", "no events"),
        (b"BEGIN:VCALENDAR\r\n" * 3_000 + b"END:VCALENDAR\r\n" * 3_000, "no events"),
        (file(*[event] * 1_001), "more than 1000 events"),
    ):
        if problem is None:
            assert read_file(data).skipped
            continue
        with pytest.raises(InvalidCalendarFile, match=problem):
            read_file(data)


def test_a_school_year_has_twelve_months_of_weeks() -> None:
    break_ = {date(2026, 12, number): "Winter break" for number in range(21, 32)}
    months = year.months_of(2026, break_ | {date(2026, 12, 25): "Christmas Day"}, date(2026, 12, 2))
    assert [str(each.first_day) for each in (months[0], months[5], months[6], months[11])] == [
        "2026-07-01",
        "2026-12-01",
        "2027-01-01",
        "2027-06-01",
    ]
    december = months[5]
    assert [day and day.date.day for day in december.weeks[0]] == [None, None, 1, 2, 3, 4, 5]
    assert [(first.day, last.day, name) for first, last, name in december.holidays] == [
        (21, 24, "Winter break"),
        (25, 25, "Christmas Day"),
        (26, 31, "Winter break"),
    ]
    days = [day for month in months for week in month.weeks for day in week if day]
    assert (len(days), [str(day.date) for day in days if day.is_today]) == (365, ["2026-12-02"])
    assert [year.year_of(date(2026, month, 30)) for month in (6, 7)] == [2025, 2026]
    assert year.days_of(2026) == (date(2026, 7, 1), date(2027, 6, 30))
