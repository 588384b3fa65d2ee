"""Kits: several administrators who change the list at the same moment."""

from flask import Flask

from request_tracker_utils.cable_tickets import kits
from request_tracker_utils.cable_tickets.fields import Item
from request_tracker_utils.core.db import reading, transaction
from tests.unit.inventory.test_races import at_once

THREADS = 8
CABLE = [Item("Cat6", "7 ft")]


def added(name: str) -> int:
    with transaction() as session:
        return kits.add_kit(session, name=name, items=CABLE).id


def moved(kit_id: int, *, up: bool) -> None:
    with transaction() as session:
        kits.move_kit(session, kit_id, up=up)


def test_one_of_eight_kits_with_one_name_is_added(inside: Flask) -> None:
    assert at_once(inside, [lambda: added("Classroom")] * THREADS) == {"": 1, "invalid_ticket_field": THREADS - 1}


def test_kits_that_are_moved_at_once_keep_one_order(inside: Flask) -> None:
    ids = [added(f"Kit {number}") for number in range(THREADS)]
    for _round in range(5):
        assert at_once(inside, [lambda kit_id=kit_id: moved(kit_id, up=kit_id % 2 == 0) for kit_id in ids]) == {"": THREADS}  # type: ignore[misc]
    with reading() as session:
        assert sorted(kit.position for kit in kits.all_kits(session)) == list(range(THREADS))
