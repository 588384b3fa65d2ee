"""Pages and JSON of reviews: the queue, accepting many days, corrections that are refused, and undo."""

from datetime import timedelta

import pytest
from flask import Flask

from request_tracker_utils.workdays.models import ReviewState
from tests.services.apps import signed_in
from tests.services.asking import Ask
from tests.services.attendance import added
from tests.services.forms import button, page, send, submit
from tests.services.reviewed_days import MONDAY, day, instant, person, stored_day

EARLY = "Clock-in at 05:00 is more than 2 hours before the start at 08:00."
QUEUE, API = "/workdays/review", "/api/processed-attendance"


@pytest.fixture(autouse=True)
def stored(app: Flask) -> None:
    """An outlier of Ada <b>, an incomplete day of somebody unknown, and a usual day."""
    with app.app_context():
        added()
        stored_day(person_id=person("Ada <b>", "17"), clock_in="05:00", reason=EARLY)
        stored_day("18", MONDAY + timedelta(days=1), clock_out=None)
        stored_day("19")


def test_the_queue_is_shown_and_filtered(app: Flask) -> None:
    shown = page(signed_in(app, "staff"), QUEUE)
    expected = ("2 workdays wait", "Ada &lt;b&gt;", "05:00–17:00", EARLY, "User 18", "08:00–?", "Scheduled 08:00–18:00")
    assert [each for each in expected if each not in shown] == []
    assert ("User 19" in shown, "Accept" in shown, "data-accept" in shown) == (False, False, False), "staff may only read"
    client = signed_in(app, "admin", "grace")
    assert ("Ada" in page(client, f"{QUEUE}?kind=incomplete"), "User 18" in page(client, f"{QUEUE}?person=1")) == (False, False)
    assert "Nothing to review" in page(client, f"{QUEUE}?kind=incomplete&person=1")
    assert "2 workdays wait" in page(client, f"{QUEUE}?kind=x&person=y&page=z&after=-")
    assert client.get(f"{QUEUE}?person=99").status_code == 404


def test_a_day_is_accepted_and_that_is_undone(app: Flask) -> None:
    client = signed_in(app, "admin")
    answer = submit(client, QUEUE, "Accept Ada")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{QUEUE}#day-2")
    shown = page(client, QUEUE)
    assert ("1 workday waits" in shown, "The workday was accepted." in shown, "Your last decisions" in shown) == (True, True, True)
    assert submit(client, QUEUE, "Undo").status_code == 303
    assert "2 workdays wait" in page(client, QUEUE)


def test_a_correction_says_what_is_wrong_and_keeps_what_was_entered(app: Flask) -> None:
    client = signed_in(app, "admin")

    def correct(clock_in: str, clock_out: str, reason: str) -> tuple[int, str]:
        answer = submit(client, QUEUE, "Correct workday", clock_in=clock_in, clock_out=clock_out, reason=reason)
        return answer.status_code, answer.text

    for sent, said in (
        (("", "17:00", "x"), "Enter the clock-in."),
        (("25:00", "17:00", "x"), "Enter a time such as 08:00."),
        (("09:00", "08:00", "x"), "The clock-out is before the clock-in."),
        (("08:00", "17:30", " "), "Enter a reason."),
    ):
        status, shown = correct(*sent)
        assert (status, said in shown, f'value="{sent[1]}"' in shown, " open data-correct" in shown) == (400, True, True, True), sent
    assert correct("08:00", "02:30", "Left after <midnight>")[0] == 303
    with app.app_context():
        row = day(1)
    assert (row.clock_in, row.clock_out, row.review_state) == (instant(MONDAY, "08:00"), instant(MONDAY, "26:30"), ReviewState.CORRECTED)
    assert "Left after &lt;midnight&gt;" in page(client, QUEUE)


def test_a_day_that_has_changed_meanwhile_is_refused(app: Flask) -> None:
    client = signed_in(app, "admin")
    old = button(page(client, QUEUE), "Accept Ada")
    submit(client, QUEUE, "Accept Ada")
    assert "This workday has changed" in send(client, old.action, 409, **{**old.fields, "csrf_token": ""} | {"do": "accept"})
    for values in ({"first_at": "x"}, {"first_at": "2026-03-02T08:00"}, {"decision_id": "9" * 20}):
        send(client, f"{QUEUE}/2", 409, do="accept", **values)
    send(client, f"{QUEUE}/99", 404, do="accept")
    send(client, f"{QUEUE}/2", 400, do="x")


def test_many_days_are_accepted_after_a_preview(app: Flask) -> None:
    client = signed_in(app, "admin")
    preview = f"{QUEUE}/batch?kind=outlier"
    shown = page(client, preview)
    assert ("Accept 1 workday" in shown, "Ada &lt;b&gt;" in shown, "User 18" in shown) == (True, True, False)
    old = button(shown, "Accept 1 workday")
    assert submit(client, preview, "Accept 1 workday", reason="All at the fair").status_code == 303
    assert "Nothing to accept" in page(client, preview)
    assert "have changed since the preview" in send(client, old.action, 409, digest=old.fields["digest"])
    with app.app_context():
        assert day(1).review_state == ReviewState.ACCEPTED


def test_a_usual_day_is_corrected_from_its_page(app: Flask) -> None:
    client = signed_in(app, "admin")
    assert f'href="{QUEUE}/3"' in page(client, "/workdays/3")
    shown = page(client, f"{QUEUE}/3")
    assert ("User 19" in shown, "User 18" in shown, "data-accept" in shown) == (True, False, False)
    assert submit(client, f"{QUEUE}/3", "Correct workday", clock_in="08:00", clock_out="18:00", reason="Door was open").status_code == 303
    with app.app_context():
        assert day(3).review_state == ReviewState.CORRECTED
    page(client, f"{QUEUE}/99", 404)


def test_nobody_is_offered_their_own_day(app: Flask) -> None:
    client = signed_in(app, "admin", "eve")
    with app.app_context():
        own = stored_day("20", clock_out=None, person_id=person("Eve", "20", account="eve"))
    assert "Your own workday. Somebody else reviews it." in page(client, QUEUE)
    assert "Nobody reviews their own workdays" in send(client, f"{QUEUE}/{own}", 403, do="accept")


@pytest.mark.both_databases
def test_reviews_over_json(app: Flask, ask: Ask) -> None:
    seen = {"first_at": instant(MONDAY, "05:00").isoformat(), "last_at": instant(MONDAY, "17:00").isoformat()}
    times = {"clock_in": "2026-03-02T08:00", "clock_out": "2026-03-02T23:00:00Z", "reason": "Forgot"}
    done = ask("POST", f"{API}/1/correct/", role="admin", json={**seen, **times})
    assert done.status_code == 200, done.text
    assert (done.json["clock_in"], done.json["clock_out"]) == ("2026-03-02T14:00:00+00:00", "2026-03-02T23:00:00+00:00")
    assert (done.json["review_state"], done.json["first_at"], done.json["decision"]["reason"]) == ("corrected", seen["first_at"], "Forgot")
    changed = ask("POST", f"{API}/1/accept/", role="admin", json=seen)
    assert (changed.status_code, changed.json["code"], changed.json["decision_id"]) == (409, "workday_changed", done.json["decision"]["id"])
    again = {**seen, "decision_id": changed.json["decision_id"]}
    assert ask("POST", f"{API}/1/accept/", role="admin", json=again).json["review_state"] == "accepted"
    last = {**seen, "decision_id": again["decision_id"] + 1}
    undone = ask("POST", f"{API}/1/undo/", role="admin", json=last)
    assert (undone.json["review_state"], undone.json["decision"]) == ("open", None)
    for body, code in (
        ({**seen, **times, "reason": " "}, "invalid_correction"),
        ({**seen, **times, "clock_in": "0001-01-01T00:00+14:00"}, "invalid_correction"),
        ({**seen, **times, "clock_in": 7}, "invalid"),
        ({**seen, **times, "first_at": "2026-03-02T11:00"}, "invalid"),
    ):
        refused = ask("POST", f"{API}/1/correct/", role="admin", json=body)
        assert (refused.status_code, refused.json["code"]) == (400, code), body
    assert ask("POST", f"{API}/99/undo/", role="admin", json=seen).json["code"] == "workday_not_found"
