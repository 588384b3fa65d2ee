"""The pages of staff groups: the list, a group with its week and members, and the form of its hours."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time

import pytest
import time_machine
from flask import Flask

from request_tracker_utils.workdays.schedules import Hours
from request_tracker_utils.workdays.week import week_of
from tests.services.apps import signed_in
from tests.services.forms import page, send
from tests.services.workdays import person

GROUPS = "/workdays/groups"
KITCHEN = f"{GROUPS}/1"
WEEK = {f"{side}-{day}": at for day in range(5) for side, at in (("starts", "06:00"), ("ends", "14:00"))}
MONDAY = datetime(2026, 11, 16, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(app: Flask) -> Iterator[time_machine.Traveller]:
    """Noon of a Monday, with a group and three people."""
    with time_machine.travel(MONDAY, tick=True) as clock:
        with app.app_context():
            for name, user_id in (("Ada <b>", "17"), ("Grace Hopper", "18"), ("Grace Hopper", "19")):
                person(name, user_id)
        send(signed_in(app, "admin", "root"), GROUPS, name="Kitchen")
        yield clock


def test_hours_are_added_changed_and_deleted(app: Flask) -> None:
    client = signed_in(app, "admin")
    assert "the default hours apply" in page(client, KITCHEN)
    assert 'value="2026-11-16"' in page(client, f"{KITCHEN}/hours/new")
    send(client, f"{KITCHEN}/hours/new", valid_from="2026-11-16", grace_minutes="5", **WEEK)
    shown = page(client, KITCHEN)
    assert ("06:00 – 14:00" in shown, "5 minutes of grace" in shown, "Current" in shown) == (True, True, True)
    assert "Default hours" in page(client, GROUPS)
    form = page(client, f"{KITCHEN}/hours/new")
    assert ('value="2026-11-17"' in form, form.count('value="06:00"')) == (True, 5)
    for sent, problem in (
        ({"valid_from": "x", **WEEK}, "Enter a day"),
        ({"valid_from": "2026-11-16", **WEEK}, "2026-11-17 or later"),
        ({"valid_from": "2026-11-23", **WEEK, "ends-0": ""}, "or neither for a day off"),
        ({"valid_from": "2026-11-23", **WEEK, "ends-0": "x"}, "such as 08:00"),
        ({"valid_from": "2026-11-23", **WEEK, "ends-0": "06:00"}, "have no length"),
        ({"valid_from": "2026-11-23", **WEEK, "grace_minutes": "x"}, "whole number"),
    ):
        assert problem in send(client, f"{KITCHEN}/hours/new", 400, **sent), sent
    send(client, f"{KITCHEN}/hours/new", valid_from="2026-11-23", **{"starts-6": "22:00", "ends-6": "06:00"})
    assert "Upcoming" in page(client, KITCHEN)
    assert "Other hours begin on" in send(client, f"{KITCHEN}/hours/new", 409, valid_from="2026-11-23", **WEEK)
    assert 'value="22:00"' in page(client, f"{KITCHEN}/hours/2")
    send(client, f"{KITCHEN}/hours/2", valid_from="2026-11-30", **WEEK)
    assert "2026-11-29" in page(client, KITCHEN)
    assert "have begun" in send(client, f"{KITCHEN}/hours/1", 409, valid_from="2026-11-30", **WEEK)
    send(client, f"{KITCHEN}/hours/2", do="delete")
    page(client, f"{KITCHEN}/hours/2", 404)
    page(client, f"{GROUPS}/9/hours/new", 404)


def test_members_are_chosen_pasted_removed_and_canceled(app: Flask, clock: time_machine.Traveller) -> None:
    client = signed_in(app, "admin")
    shown = send(client, f"{KITCHEN}/members", 400, people="17\nGrace Hopper\nNobody\n")
    assert [text in shown for text in ("Nobody was added", "Several people", "Nobody has this name", ">17\nGrace Hopper")] == [True] * 4
    for form, problem in (
        ({}, "one per line"),
        ({"person": "Ada"}, "Choose a person"),
        ({"person": "9999999999"}, "Choose a person"),
        ({"person": "99"}, "was not found"),
        ({"person": "1", "valid_from": "x"}, "Enter a day"),
        ({"person": "1", "valid_from": "2026-11-16"}, "2026-11-17 or later"),
    ):
        assert problem in send(client, f"{KITCHEN}/members", 400, **form), form
    send(client, f"{KITCHEN}/members", person="1 Ada", people="18")
    send(client, f"{KITCHEN}/members", people="ada <B>", valid_from="2026-11-18")
    shown = page(client, KITCHEN)
    assert ("already" in shown, "Nobody is in this group today" in shown, "Upcoming changes" in shown) == (True, True, True)
    send(client, f"{KITCHEN}/upcoming/2/cancel")
    send(client, f"{KITCHEN}/upcoming/2/cancel")
    assert "does not exist" in page(client, KITCHEN)
    clock.move_to(datetime(2026, 11, 17, 12, tzinfo=UTC))
    client = signed_in(app, "admin", "later")
    shown = page(client, KITCHEN)
    assert ("Ada &lt;b&gt;" in shown, "1 person" in shown, "Upcoming changes" in shown) == (True, True, False)
    assert "Nobody found" in page(client, f"{KITCHEN}?q=grace")
    send(client, f"{KITCHEN}/members/1/remove")
    send(client, f"{KITCHEN}/members/1/remove")
    shown = page(client, KITCHEN)
    assert ("not in the group on 2026-11-18" in shown, "Upcoming changes" in shown) == (True, True)


def test_a_group_is_renamed_and_deleted(app: Flask) -> None:
    client = signed_in(app, "admin")
    send(client, KITCHEN, do="save", name="Cooks", notes="North <High>")
    shown = page(client, KITCHEN)
    assert ("<title>Cooks" in shown, "North &lt;High&gt;" in shown) == (True, True)
    send(client, GROUPS, name="COOKS")
    assert "Another staff group has this name" in page(client, GROUPS)
    send(client, f"{KITCHEN}/hours/new", valid_from="2026-11-16", **WEEK)
    send(client, KITCHEN, do="delete")
    assert "has or had hours" in page(client, KITCHEN)
    send(client, GROUPS, name="Garage")
    garage = re.search(rf'href="({GROUPS}/[0-9]+)">Garage', page(client, GROUPS))
    assert garage is not None
    send(client, garage[1], do="delete")
    page(client, garage[1], 404)


def test_staff_read_groups_without_forms(app: Flask) -> None:
    client = signed_in(app, "staff", "lee")
    shown = page(client, GROUPS) + page(client, KITCHEN)
    assert [each in shown for each in ("Kitchen", "Add hours", "Add members", "Delete group", "Add staff group")] == [True, *[False] * 4]
    page(client, f"{KITCHEN}/hours/new", 403)
    page(signed_in(app, "teacher", "ann"), GROUPS, 403)


def test_a_week_has_bars_and_the_rest_of_night_shifts() -> None:
    week = week_of({6: Hours(time(22), time(6)), 2: Hours(time(7, 30), time(15)), 4: Hours(time(18), time(0))})
    assert [[(bar.start, bar.end, bar.is_rest) for bar in day.bars] for day in week] == [
        [(0, 360, True)],
        [],
        [(450, 900, False)],
        [],
        [(1080, 1440, False)],
        [],
        [(1320, 1440, False)],
    ]
