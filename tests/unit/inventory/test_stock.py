"""The ledger and the balances: receiving, taking out, cutting, returning, adjusting and reversing."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError, IntegrityError

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.inventory import reels, repeats, service
from request_tracker_utils.inventory.errors import (
    InvalidStockField,
    MovementNotFound,
    NotEnough,
    NotReversible,
    PackingSlipReceived,
    ReceiptNotFound,
    RequestKeyReused,
    ShelfFull,
    StockRowNotFound,
)
from request_tracker_utils.inventory.lengths import parse_cable
from request_tracker_utils.inventory.models import MAX_ON_HAND, MAX_QUANTITY, CableReceipt, Movement, StockRequest, StockRow
from request_tracker_utils.inventory.reversals import reverse, reverse_receipt
from request_tracker_utils.inventory.service import MovementFilter
from tests.services.stocking import (
    GRACE,
    HOW,
    NOW,
    adjusted,
    check_books,
    delivered,
    line,
    on_hand,
    reserved,
    returned,
    row_of,
    taken,
)
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")


def reversed_(movement_id: int, *, reason: str = "A mistake", **values: str) -> list[Movement]:
    with transaction() as session:
        return reverse(session, movement_id, reason=reason, **HOW, **values)[0]


def ledger(**filters: object) -> list[tuple[str, str, int, int]]:
    with reading() as session:
        found = service.movements(session, MovementFilter(**filters), limit=100)  # type: ignore[arg-type]
        return [(each.movement_type, each.cable_length, each.quantity_delta, each.balance) for each in reversed(found)]


def test_spellings_of_one_length_are_one_row(app: Flask) -> None:
    delivered(("Cat6", "100ft", 5), ("CAT6", "100 ft", 2), ("cat6", "100'", 1), ("Cat6", "100 m", 4), ("Cat6", "a spool", 3))
    delivered(("CAT6", "A Spool", 1), ("Cat6a", "100 ft", 1), ("Cat6", "100", 1))
    assert on_hand() == {"Cat6 100ft": 8, "Cat6 100 m": 4, "Cat6 a spool": 4, "Cat6a 100 ft": 1, "Cat6 100": 1}
    assert [written for _kind, written, _delta, _balance in ledger()][:5] == ["100ft", "100 ft", "100'", "100 m", "a spool"]
    check_books()


def test_empty_rows_are_listed_on_request(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 1), ("Fiber", "10 m", 1))
    taken("Cat6", "100 ft", 1)
    assert on_hand() == {"Cat6 100 ft": 0, "Fiber 10 m": 1}
    assert on_hand(include_zero=False) == {"Fiber 10 m": 1}
    with reading() as session:
        assert [row.cable_type for row in service.on_hand(session, include_zero=True, cable_type=" CAT6 ")] == ["Cat6"]


def test_the_balance_is_never_negative(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5))
    with pytest.raises(NotEnough, match="5 pieces of Cat6 100 ft are available, and 6 are needed") as error:
        taken("Cat6", "100ft", 6)
    assert (error.value.fields["available"], error.value.fields["requested"]) == (5, 6)
    with pytest.raises(NotEnough, match="The stock has no Cat6 50 ft"):
        taken("Cat6", "50 ft", 1)
    with pytest.raises(NotEnough):
        adjusted("Cat6", "100 ft", -6)
    assert taken("Cat6", "100ft", 5)[0].balance == 0
    assert on_hand() == {"Cat6 100 ft": 0}, "a refusal creates no row"
    for column, value in (("on_hand", -1), ("reserved", -1), ("reserved", 1), ("on_hand", MAX_ON_HAND + 1)):
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(text(f"UPDATE stock_rows SET {column} = {value}"))
    check_books()


def test_a_row_has_an_upper_limit(app: Flask) -> None:
    delivered(*[("Cat6", "100 ft", MAX_QUANTITY)] * 500)
    delivered(*[("Cat6", "100 ft", MAX_QUANTITY)] * 500)
    with pytest.raises(ShelfFull):
        delivered(("Cat6", "1 ft", 1), ("Cat6", "100 ft", 1))
    assert on_hand() == {"Cat6 100 ft": MAX_ON_HAND}, "nothing of a refused delivery is recorded"
    check_books()


def test_the_ledger_only_grows(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5))
    for statement in ("UPDATE inventory_movements SET quantity_delta = 6", "DELETE FROM inventory_movements"):
        with pytest.raises(DatabaseError, match="only grows"), transaction() as session:
            session.execute(text(statement))
    assert ledger() == [("receipt", "100 ft", 5, 5)]


def test_bad_values_change_nothing(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5))
    before = ledger()
    quantities = [0, -1, "0", "-1", "five", "NaN", float("nan"), float("inf"), 1.5, None, True, 10**30, MAX_QUANTITY + 1, ""]
    lengths = ["", "-100 ft", "0 ft", "NaN", "1e9 ft", "9999999 ft", "100 parsecs", "\x00"]
    ways: list[tuple[str, Callable[[str, object], object], str]] = [
        ("receive", lambda length, quantity: delivered(("Cat6", "100 ft", 1), ("Cat6", length, quantity)), "quantity"),
        ("take", lambda length, quantity: taken("Cat6", length, quantity, cut=True), "quantity"),
        ("return", lambda length, quantity: returned("Cat6", length, quantity), "quantity"),
        ("adjust", lambda length, quantity: adjusted("Cat6", length, quantity), "quantity_delta"),
    ]

    def check(_name: str, call: Callable[[str, object], object], length: str, quantity: object, field: str) -> None:
        with pytest.raises(InvalidStockField) as error:
            call(length, quantity)
        assert error.value.fields["field"] == field

    rows = [
        (name, call, "100 ft", each, field)
        for name, call, field in ways
        for each in quantities
        if name != "adjust" or each not in (-1, "-1")
    ]
    rows += [(name, call, each, 1, "cable_length") for name, call, _field in ways for each in lengths]
    check_all(rows, check)
    with pytest.raises(InvalidStockField) as error:
        delivered(("Cat6", "100 ft", 1), ("Cat6", "100 fet", 1))
    assert error.value.fields["item"] == 1
    for reason in ("", "  ", "\u200b\u00a0\u200d", "x" * 1_001):
        with pytest.raises(InvalidStockField):
            adjusted("Cat6", "100 ft", 1, reason=reason)
    with pytest.raises(InvalidStockField):
        delivered()
    with pytest.raises(InvalidStockField):
        delivered(*[("Cat6", "100 ft", 1)] * 501)
    with pytest.raises(InvalidStockField):
        taken("Cat6", "100 ft", 1, notes="x" * 1_001)
    assert ledger() == before


def test_a_packing_slip_is_received_once_per_vendor(app: Flask) -> None:
    first = delivered(("Cat6", "100 ft", 5), vendor="Graybar", packing_slip="PS-1")
    with pytest.raises(PackingSlipReceived, match=f"ps-1 was already received, as delivery {first.id}") as error:
        delivered(("Cat6", "100 ft", 5), vendor=" GRAYBAR ", packing_slip="ps-1")
    assert error.value.fields["receipt_id"] == first.id
    delivered(("Cat6", "100 ft", 1), vendor="Anixter", packing_slip="PS-1")
    delivered(("Cat6", "100 ft", 1), vendor="Graybar", packing_slip="PS-2")
    delivered(("Cat6", "100 ft", 1), vendor="Graybar")
    delivered(("Cat6", "100 ft", 1), vendor="Graybar")
    assert on_hand() == {"Cat6 100 ft": 9}
    check_books()


def test_a_request_that_is_sent_again_gets_the_first_result(app: Flask) -> None:
    receipt = delivered(("Cat6", "100 ft", 5), packing_slip="PS-1", request_key="key-1")
    again = delivered(("Cat6", "100 ft", 5), packing_slip="PS-1", request_key="key-1")
    assert again.id == receipt.id
    calls: list[Callable[[], list[Movement]]] = [
        lambda: taken("Cat6", "100 ft", 1, request_key="key-2"),
        lambda: [returned("Cat6", "100 ft", 1, request_key="key-3")],
        lambda: [adjusted("Cat6", "100 ft", -2, request_key="key-4")],
        lambda: reversed_(1, request_key="key-5") if on_hand() != {"Cat6 100 ft": 3} else taken("Cat6", "100 ft", 1, request_key="key-2"),
    ]
    for call in calls:
        assert [each.id for each in call()] == [each.id for each in call()]
    assert on_hand() == {"Cat6 100 ft": 3}
    with pytest.raises(RequestKeyReused):
        taken("Cat6", "100 ft", 2, request_key="key-2")
    with pytest.raises(RequestKeyReused):
        delivered(("Cat6", "100 ft", 5), request_key="key-2")
    with transaction() as session:
        service.adjust(session, "Cat6", "100 ft", 1, reason="Found", **{**HOW, "actor": GRACE}, request_key="key-2")
    assert on_hand() == {"Cat6 100 ft": 4}, "keys are each person's own"
    for key in ("x" * 81, "a\nb"):
        with pytest.raises(InvalidStockField):
            taken("Cat6", "100 ft", 1, request_key=key)
    check_books()


def test_a_refused_request_leaves_its_key_free(app: Flask) -> None:
    with pytest.raises(NotEnough):
        taken("Cat6", "100 ft", 1, request_key="key")
    delivered(("Cat6", "100 ft", 1))
    assert len(taken("Cat6", "100 ft", 1, request_key="key")) == 1


def test_old_keys_are_deleted(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5), request_key="key")
    with transaction() as session:
        assert repeats.delete_old(session, now=NOW + repeats.REMEMBERED) == 0
        assert repeats.delete_old(session, now=NOW + 2 * repeats.REMEMBERED) == 1
        assert session.scalars(select(StockRequest)).all() == []


def test_a_piece_is_cut_from_the_shortest_sufficient_one(app: Flask) -> None:
    delivered(("Cat6", "1,000 ft", 2), ("Cat6", "150 ft", 1), ("Cat6", "400 m", 5), ("Cat6", "a spool", 5), ("Fiber", "120 ft", 5))
    with pytest.raises(NotEnough):
        taken("Cat6", "100 ft", 1)
    taken("Cat6", "100 ft", 1, cut=True)
    assert _cat6_feet() == {"1,000 ft": 2, "50 ft": 1}
    taken("Cat6", "100 ft", 1, cut=True)
    assert _cat6_feet() == {"1,000 ft": 1, "50 ft": 1, "900 ft": 1}
    assert ledger()[-2:] == [("consumption", "1,000 ft", -1, 1), ("return", "900 ft", 1, 1)]
    box, remnant = taken("Cat6", "500 ft", 1, cut_from=row_of("Cat6", "1,000 ft").id)
    assert (remnant.cut_from_id, remnant.cable_length) == (box.id, "500 ft")
    taken("Cat6", "900 ft", 1, cut=True)
    assert _cat6_feet() == {"50 ft": 1, "500 ft": 1}, "a piece of this length is not cut"
    with pytest.raises(NotEnough):
        taken("Cat6", "501 ft", 1, cut=True)
    taken("Cat6", "0.125 ft", 1, cut_from=row_of("Cat6", "50 ft").id)
    assert _cat6_feet() == {"49.875 ft": 1, "500 ft": 1}
    check_books()


def test_several_pieces_are_cut_at_once(app: Flask) -> None:
    delivered(("Cat6", "1,000 ft", 2), ("Cat6", "250 ft", 1), ("Cat6", "100 ft", 1))
    with reading() as session:
        whole, offers = reels.offers(session, parse_cable("cat6", "100ft"), 10)
        shown = [(offer.row.cable_length, offer.pieces, offer.remnant.written if offer.remnant else "") for offer in offers]
        longer = [row.cable_length for row in reels.sufficient(session, parse_cable("cat6", "100ft"))]
    assert (whole, shown, longer) == (1, [("250 ft", 2, "50 ft"), ("1,000 ft", 7, "300 ft")], ["250 ft", "1,000 ft"])
    taken("cat6", "100ft", 10, cut=True)
    assert _cat6_feet() == {"1,000 ft": 1, "50 ft": 1, "300 ft": 1}
    taken("cat6", "100ft", 13, cut=True)
    assert _cat6_feet() == {"50 ft": 1}, "nothing is left of a piece that is used up"
    with pytest.raises(NotEnough):
        taken("cat6", "50ft", 2, cut=True)
    check_books()


def test_a_cut_is_refused_where_it_cannot_be(app: Flask) -> None:
    delivered(("Cat6", "1,000 ft", 1), ("Cat6", "a spool", 1), ("Cat6", "2,000 ft", 300))
    reserved(1, line("1,000 ft", 1))
    taken("Cat6", "900 ft", 1, cut=True)
    assert _cat6_feet() == {"1,000 ft": 1, "2,000 ft": 299, "1100 ft": 1}, "a reserved box is not cut"
    with pytest.raises(StockRowNotFound):
        taken("Cat6", "100 ft", 1, cut_from=99)
    with pytest.raises(NotEnough):
        taken("Cat6", "half a spool", 1, cut=True)
    box = row_of("Cat6", "1,000 ft").id
    for length, row in (("100 ft", row_of("Cat6", "a spool").id), ("1,000 ft", box), ("2,000 ft", box), ("1 m", box), ("a spool", box)):
        with pytest.raises(InvalidStockField, match=f"Cat6 {length} cannot be cut from") as error:
            taken("Cat6", length, 1, cut_from=row)
        assert error.value.fields["field"] == "cut_from"
    with pytest.raises(InvalidStockField, match="Cat5 100 ft cannot be cut from Cat6 1,000 ft"):
        taken("Cat5", "100 ft", 1, cut_from=box)
    with pytest.raises(NotEnough, match="0 pieces of Cat6 1,000 ft are available, and 2 are needed"):
        taken("Cat6", "100 ft", 11, cut_from=box)
    with pytest.raises(InvalidStockField, match="cuts more than 200 pieces"):
        taken("Cat6", "1,900 ft", 250, cut=True)
    check_books()


def test_a_movement_is_reversed_once(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5))
    (out,) = taken("Cat6", "100 ft", 2)
    (back,) = reversed_(out.id)
    assert (back.movement_type, back.quantity_delta, back.balance, back.reverses_id) == ("reversal", 2, 5, out.id)
    assert (back.source_type, back.source_id, back.notes) == (out.source_type, out.source_id, "A mistake")
    with pytest.raises(NotReversible, match=f"was already reversed, by movement {back.id}") as error:
        reversed_(out.id)
    assert error.value.fields["reversal_id"] == back.id
    with pytest.raises(NotReversible, match="is a reversal and cannot be reversed"):
        reversed_(back.id)
    for reason in ("", " ", "\u2060\ufeff", "x" * 1_001):
        with pytest.raises(InvalidStockField):
            reversed_(1, reason=reason)
    with pytest.raises(MovementNotFound):
        reversed_(99)
    columns = (
        "movement_type, stock_id, cable_type, cable_length, quantity_delta, balance, source_type, actor, notes, created_at, reverses_id"
    )
    twice = text(f"INSERT INTO inventory_movements ({columns}) SELECT {columns} FROM inventory_movements WHERE id = {back.id}")
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(twice)
    check_books()


def test_a_reversal_says_how_many_are_left(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5))
    taken("Cat6", "100 ft", 2)
    reserved(1, line("100 ft", 1))
    with pytest.raises(NotEnough, match="2 pieces of Cat6 100 ft are available, and 5 are needed") as error:
        reversed_(1)
    assert (error.value.fields["available"], error.value.fields["on_hand"]) == (2, 3)
    check_books()


def test_a_cut_is_reversed_as_a_pair(app: Flask) -> None:
    delivered(("Cat6", "1,000 ft", 1))
    box, remnant = taken("Cat6", "100 ft", 1, cut=True)
    assert {each.reverses_id for each in reversed_(remnant.id)} == {box.id, remnant.id}
    assert _cat6_feet() == {"1,000 ft": 1}
    box, remnant = taken("Cat6", "100 ft", 1, cut=True)
    taken("Cat6", "900 ft", 1)
    before = ledger()
    with pytest.raises(NotEnough, match="0 pieces of Cat6 900 ft"):
        reversed_(box.id)
    assert ledger() == before, "the box comes back only with the remnant"
    check_books()


def test_a_whole_receipt_is_reversed_and_received_again(app: Flask) -> None:
    items = (("Cat6", "100 ft", 5), ("Fiber", "10 m", 2))
    receipt = delivered(*items, vendor="Graybar", packing_slip="PS-1")
    with transaction() as session:
        reversals, _ = reverse_receipt(session, receipt.id, reason="Wrong slip", **HOW, request_key="key")
    with transaction() as session:
        assert [each.id for each in reverse_receipt(session, receipt.id, reason="Wrong slip", **HOW, request_key="key")[0]] == [
            each.id for each in reversals
        ]
    with pytest.raises(NotReversible), transaction() as session:
        reverse_receipt(session, receipt.id, reason="Again", **HOW)
    with pytest.raises(ReceiptNotFound), transaction() as session:
        reverse_receipt(session, 99, reason="Again", **HOW)
    assert on_hand() == {"Cat6 100 ft": 0, "Fiber 10 m": 0}
    second = delivered(*items, vendor="Graybar", packing_slip="PS-1")
    with reading() as session:
        first_movement, _ = session.scalars(select(Movement.id).where(Movement.source_id == second.id).order_by(Movement.id)).all()
    reversed_(first_movement)
    with pytest.raises(PackingSlipReceived):
        delivered(*items, vendor="Graybar", packing_slip="PS-1")
    reversed_(first_movement + 1)
    with reading() as session:
        assert session.get_one(CableReceipt, second.id).reversed_at == NOW, "movement by movement too"
    delivered(*items, vendor="Graybar", packing_slip="PS-1")
    assert on_hand() == {"Cat6 100 ft": 5, "Fiber 10 m": 2}
    check_books()


def test_the_ledger_is_filtered_and_paged(app: Flask) -> None:
    receipt = delivered(("Cat6", "100 ft", 5), ("Fiber", "10 m", 2))
    taken("Cat6", "100 ft", 1)
    returned("Cat6", "100 ft", 1)
    assert [kind for kind, *_ in ledger(movement_type="receipt")] == ["receipt", "receipt"]
    assert len(ledger(source_type="cable_receiving", source_id=receipt.id)) == 2
    assert [kind for kind, *_ in ledger(stock_id=row_of("Cat6", "100 ft").id)] == ["receipt", "consumption", "return"]
    with reading() as session:
        first = service.movements(session, MovementFilter(), limit=3)
        rest = service.movements(session, MovementFilter(), limit=3, before=first[-1].id)
        assert [each.id for each in (*first, *rest)] == [4, 3, 2, 1]
        with pytest.raises(StockRowNotFound):
            service.get_row(session, 99)
        assert service.get_row(session, 1) == session.get_one(StockRow, 1)


def _cat6_feet() -> dict[str, int]:
    with reading() as session:
        return {row.cable_length: row.on_hand for row in service.on_hand(session, cable_type="Cat6") if row.unit == "ft"}
