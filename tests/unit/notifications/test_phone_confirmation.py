"""Codes that confirm a phone number: attempts, times, limits, races, and what is stored of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from request_tracker_utils.accounts import service as accounts
from request_tracker_utils.accounts.models import User
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Conflict, Invalid
from request_tracker_utils.core.messages import Channel, Messenger
from request_tracker_utils.notifications import phone_confirmation, suppression
from request_tracker_utils.notifications.current import PHONE_CODE, phone_code_key
from request_tracker_utils.notifications.models import Notification, PhoneCode
from request_tracker_utils.notifications.phone_confirmation import ATTEMPTS, DIGITS, LIFETIME, Checked, CodeResult, TooManyCodes, code_of
from request_tracker_utils.notifications.suppression import SuppressionReason
from request_tracker_utils.web.registry import registry
from tests.services.apps import user
from tests.services.tables import check_all

NUMBER, OTHER = "+12025550123", "+12025550199"
NOW = utc_now()


@pytest.fixture
def ada(app: Flask) -> Iterator[int]:
    """Ada's account, in the app's context."""
    user(app, "staff", "ada", email="ada@example.org")
    with app.app_context():
        yield _id("ada")


def _id(name: str) -> int:
    with reading() as session:
        return accounts.user_named(session, name).id


def request_code(user_id: int, number: str = NUMBER, *, at: datetime = NOW, network: str = "203.0.113.7") -> str:
    """The code that was sent."""
    with transaction() as session:
        owner = accounts.user_by_id(session, user_id)
        messenger, actor = registry().get(Messenger), Actor(owner.name, user_id=user_id)
        row = phone_confirmation.request_code(session, messenger, PHONE_CODE, owner, number, network=network, actor=actor, now=at)
        return code_of(row, phone_code_key())


def enter(user_id: int, code: str, *, at: datetime = NOW) -> Checked:
    with transaction() as session:
        return phone_confirmation.enter_code(session, accounts.user_by_id(session, user_id), code, key=phone_code_key(), now=at)


def result(user_id: int, code: str, *, at: datetime = NOW) -> CodeResult:
    return enter(user_id, code, at=at).result


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**DIGITS:0{DIGITS}}"


def confirmed(user_id: int) -> tuple[str | None, bool]:
    with reading() as session:
        owner = accounts.user_by_id(session, user_id)
        return owner.phone, owner.phone_confirmed_at is not None


def test_the_code_confirms_the_number_once(ada: int) -> None:
    code = request_code(ada)
    assert confirmed(ada) == (None, False)
    assert result(ada, wrong(code)) == CodeResult.WRONG
    assert (result(ada, code), confirmed(ada)) == (CodeResult.CONFIRMED, (NUMBER, True))
    assert result(ada, code) == CodeResult.EXPIRED


def test_the_code_is_sent_to_the_number_and_stored_nowhere(ada: int) -> None:
    code = request_code(ada)
    with reading() as session:
        message = session.scalars(select(Notification)).one()
        rows = (message, session.scalars(select(PhoneCode)).one())
        stored = [str(getattr(row, column.key)) for row in rows for column in row.__table__.columns]
        assert (message.notification_type, message.address) == (Channel.SMS, NUMBER)
        assert PHONE_CODE.complete is not None
        assert PHONE_CODE.complete(session, message.values) == PHONE_CODE.complete(session, message.values) == {"code": code, "minutes": 10}
    assert not [text for text in stored if code in text and len(text) < 20]
    assert result(ada, code) == CodeResult.CONFIRMED
    with reading() as session:
        assert PHONE_CODE.complete(session, message.values) is None  # not sent when it is not needed any more


def test_codes_depend_on_seed_account_number_and_key() -> None:
    def row(seed: str = "a" * 32, user_id: int = 1, number: str = NUMBER) -> PhoneCode:
        return PhoneCode(seed=seed, user_id=user_id, number=number)

    rows = [(row(), b"key"), (row(seed="b" * 32), b"key"), (row(user_id=2), b"key"), (row(number=OTHER), b"key"), (row(), b"other")]
    codes = [code_of(*each) for each in rows]
    assert len(set(codes)) == len(codes)
    many = [code_of(row(seed=f"{number:032}"), b"key") for number in range(3_000)]
    assert all(len(code) == DIGITS and code.isdigit() for code in many)
    assert {code[0] for code in many} == set("0123456789")


def test_codes_are_read_as_people_type_them(ada: int) -> None:
    code = request_code(ada)

    def refused(typed: str) -> None:
        with pytest.raises(Invalid) as error:
            enter(ada, typed)
        assert error.value.fields == {"field": "code"}

    check_all(["", " ", code[:5], f"{code}0", "abcdef", "12345x", "½23456", "-12345", "1" * 10_000, "١٢٣٤٥٦", "0x1234"], refused)
    with reading() as session:
        assert session.scalars(select(PhoneCode.attempts)).one() == 0  # none of them was an attempt
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    check_all([f" {wrong(code)[:3]} {wrong(code)[3:]}\n"], lambda typed: _is(result(ada, typed), CodeResult.WRONG))
    assert result(ada, f" {wide[:3]} – {wide[3:]} ") == CodeResult.CONFIRMED


def _is(found: object, expected: object) -> None:
    assert found == expected


def test_a_code_ends_after_five_attempts(ada: int) -> None:
    code = request_code(ada)
    found = [enter(ada, wrong(code)) for _ in range(ATTEMPTS)]
    assert [each.attempts_left for each in found] == [4, 3, 2, 1, 0]
    assert [each.result for each in found] == [CodeResult.WRONG] * 4 + [CodeResult.EXHAUSTED]
    assert (result(ada, code), confirmed(ada)) == (CodeResult.EXHAUSTED, (None, False))
    later = NOW + timedelta(minutes=1)
    assert result(ada, request_code(ada, at=later), at=later) == CodeResult.CONFIRMED


def test_codes_end_after_ten_minutes_or_with_a_newer_one(ada: int) -> None:
    code = request_code(ada)

    def ends(at: timedelta, expected: CodeResult) -> None:
        assert result(ada, wrong(code), at=NOW + at) == expected

    check_all(
        [
            (LIFETIME - timedelta(seconds=1), CodeResult.WRONG),
            (LIFETIME, CodeResult.EXPIRED),
            (timedelta(days=365), CodeResult.EXPIRED),
            (-timedelta(hours=1), CodeResult.EXPIRED),  # the clock was set back: how old is the code?
        ],
        ends,
    )
    newer = request_code(ada, at=NOW + timedelta(minutes=1))
    with reading() as session:
        assert [ended is None for ended in session.scalars(select(PhoneCode.ended_at).order_by(PhoneCode.id))] == [False, True]
    assert code == newer or result(ada, code, at=NOW + timedelta(minutes=1)) == CodeResult.WRONG
    assert result(ada, newer, at=NOW + timedelta(minutes=1)) == CodeResult.CONFIRMED


def test_a_code_is_for_the_account_that_requested_it(app: Flask, ada: int) -> None:
    user(app, "staff", "bob")
    assert result(_id("bob"), request_code(ada)) == CodeResult.EXPIRED
    assert confirmed(_id("bob")) == (None, False)


def test_codes_are_limited_per_number_account_and_network(app: Flask, ada: int) -> None:
    """Each row: the requests before, as (minutes before now, account, number, network), and whether ada may request one for NUMBER."""
    others = [_new(app, f"other-{number}") for number in range(10)]
    here, away = "203.0.113.7", "198.51.100.1"

    def limited(before: list[tuple[float, int, str, str]], pause: timedelta | None) -> None:
        with transaction() as session:
            session.query(PhoneCode).delete()
            for minutes, user_id, number, network in before:
                at = NOW - timedelta(minutes=minutes)
                session.add(PhoneCode(user_id=user_id, number=number, network=network, seed="x", created_at=at, ended_at=at, attempts=0))
        if pause is None:
            request_code(ada, network=here)
            return
        with pytest.raises(TooManyCodes, match="Wait ") as error:
            request_code(ada, network=here)
        assert abs(error.value.fields["retry_after"] - pause.total_seconds()) <= 1

    def number(index: int) -> str:
        return f"+1202555{index:04}"

    check_all(
        [
            ([], None),
            ([(0.1, ada, OTHER, away)], timedelta(seconds=24)),
            ([(0.1, others[0], NUMBER, away)], timedelta(seconds=24)),
            ([(minutes, others[0], NUMBER, away) for minutes in (10, 20, 50)], timedelta(minutes=10)),
            ([(minutes, others[0], NUMBER, away) for minutes in (10, 20, 61)], None),
            ([(60 * hours, others[hours % 10], NUMBER, away) for hours in (2, 3, 4, 5, 6, 7)], timedelta(hours=17)),
            ([(minutes, ada, number(minutes), away) for minutes in (1, 2, 3, 4, 30)], timedelta(minutes=30)),
            ([(60 * hours, ada, number(hours), away) for hours in range(2, 12)], timedelta(hours=13)),
            ([(1 + index, others[index % 10], number(index), here) for index in range(30)], timedelta(minutes=30)),
            ([(1 + index, others[index % 10], number(index), away) for index in range(30)], None),
            ([(70 + index, others[index % 10], number(index), here) for index in range(100)], timedelta(minutes=1440 - 169)),
            ([(-60, others[0], NUMBER, here)] * 10, None),  # the clock was set back: these requests are not believed
        ],
        limited,
    )


def _new(app: Flask, name: str) -> int:
    user(app, "staff", name)
    return _id(name)


def test_concurrent_attempts_are_counted_in_full(app: Flask, ada: int) -> None:
    code = request_code(ada)

    def guess(_number: int) -> CodeResult:
        with app.app_context():
            return result(ada, wrong(code))

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(guess, range(24)))
    assert (found.count(CodeResult.WRONG), found.count(CodeResult.EXHAUSTED)) == (ATTEMPTS - 1, 24 - ATTEMPTS + 1)
    assert result(ada, code) == CodeResult.EXHAUSTED


def test_concurrent_requests_send_one_code(app: Flask, ada: int) -> None:
    bob = _new(app, "bob")

    def request(number: int) -> bool:
        with app.app_context():
            try:
                request_code((ada, bob)[number % 2])
            except TooManyCodes:
                return False
            return True

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(request, range(16))).count(True) == 1
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Notification)) == 1


def test_another_account_with_the_number_is_told(app: Flask, ada: int) -> None:
    user(app, "staff", "bob", email="bob@example.org", phone=NUMBER, phone_confirmed_at=NOW)
    user(app, "staff", "eve", phone=NUMBER)  # never confirmed
    user(app, "staff", "gone", phone=NUMBER, phone_confirmed_at=NOW, active=False)
    with transaction() as session:
        session.query(PhoneCode).delete()
    code = request_code(ada)
    with transaction() as session:
        ada_ = accounts.user_by_id(session, ada)
        checked = phone_confirmation.enter_code(session, ada_, code, key=phone_code_key(), now=NOW)
        assert [other.name for other in checked.shared_with] == ["bob"]
        phone_confirmation.tell_others(session, registry().get(Messenger), ada_, checked, actor=Actor("ada"), now=NOW)
    with reading() as session:
        told = session.scalars(select(Notification).where(Notification.event == phone_confirmation.SHARED.name)).one()
        assert (told.recipient_user_id, told.notification_type) == (_id("bob"), Channel.EMAIL)
        assert told.values == {"name": "ada", "ending": "0123"}


def test_numbers_that_need_no_code_or_receive_none_are_refused(ada: int) -> None:
    with transaction() as session:
        suppression.suppress(session, Channel.SMS, OTHER, SuppressionReason.STOPPED, provider="twilio", now=NOW)
        owner = accounts.user_by_id(session, ada)
        owner.phone, owner.phone_confirmed_at = NUMBER, NOW

    def refused(number: str, words: str) -> None:
        with pytest.raises(Conflict, match=words):
            request_code(ada, number)

    check_all([(NUMBER, "already confirmed"), (OTHER, "STOP")], refused)
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(PhoneCode)) == 0


def test_a_new_number_replaces_the_confirmed_one_only_when_it_is_confirmed(ada: int) -> None:
    assert result(ada, request_code(ada)) == CodeResult.CONFIRMED
    later = NOW + timedelta(minutes=1)
    code = request_code(ada, OTHER, at=later)
    assert confirmed(ada) == (NUMBER, True)
    assert (result(ada, code, at=later), confirmed(ada)) == (CodeResult.CONFIRMED, (OTHER, True))


def test_removing_the_number_ends_its_codes(ada: int) -> None:
    assert result(ada, request_code(ada)) == CodeResult.CONFIRMED
    later = NOW + timedelta(minutes=1)
    code = request_code(ada, OTHER, at=later)
    with transaction() as session:
        phone_confirmation.remove_phone(session, accounts.user_by_id(session, ada), now=later)
    assert (result(ada, code, at=later), confirmed(ada)) == (CodeResult.EXPIRED, (None, False))


def test_codes_are_deleted_when_no_limit_counts_them(ada: int) -> None:
    request_code(ada)

    def deletes(after: timedelta, count: int) -> None:
        with transaction() as session:
            assert phone_confirmation.delete_old(session, now=NOW + after) == count

    check_all([(timedelta(days=1), 0), (timedelta(days=1, seconds=1), 1)], deletes)


def test_errors_say_what_to_do(ada: int) -> None:
    request_code(ada)
    with pytest.raises(AppError) as error:
        request_code(ada)
    assert (error.value.status, error.value.headers()) == (429, {"Retry-After": "30"})
    assert error.value.message == "Too many codes were requested. Wait 30 seconds, then request one again."
    with reading() as session:
        assert session.scalar(select(User.phone).where(User.id == ada)) is None
