"""Whose labels are printed: lists, ranges, ticks and queries, and what is told before anything prints."""

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.labels.models import LabelPrint
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import ItemState, TaskItem
from tests.functional.labels.conftest import Make
from tests.services.apps import csrf_token

PAGE = {"Accept": "text/html"}


def choose(client: FlaskClient, **form: object) -> TestResponse:
    """Sends the form: as the button “Look first” does, unless `then` says otherwise."""
    sent = {"csrf_token": csrf_token(client, "/labels/batch"), "then": "look", "size": "small", **form}
    return client.post("/labels/batch/choose", data=sent, headers=PAGE)


def text(answer: TestResponse) -> str:
    """What the page says, without its markup."""
    page = answer.get_data(as_text=True).split("<main", 1)[-1]
    return " ".join(unescape(re.sub(r"<[^>]+>", "", page)).split())


def chosen(answer: TestResponse) -> list[int]:
    """The assets that the form of the page would print."""
    found = re.findall(r'<form id="batch".*?name="asset_ids" value="([^"]*)"', answer.get_data(as_text=True), re.DOTALL)
    return [int(number) for number in found[0].split(",")] if found else []


def printed(answer: TestResponse) -> list[str]:
    return re.findall(r'<div class="[^"]*asset-tag[^"]*">([^<]+)<', answer.get_data(as_text=True))


def test_a_line_is_a_tag_in_any_case_a_serial_number_or_a_number(staff: FlaskClient, tagged: Make, untagged: Make) -> None:
    one, two, three = tagged(), tagged(serial="Ser-2"), untagged(serial="S3")
    answer = choose(staff, lines=f"sER-2, w12-0001\n#{three}\t{one};S3")
    assert (answer.status_code, chosen(answer)) == (200, [two, one, three])
    assert "3 labels" in text(answer)
    assert f"2 entries name assets for the second time: {one}, S3." in text(answer)


def test_digits_alone_are_a_serial_number_first_and_with_a_sign_always_the_assets_number(staff: FlaskClient, untagged: Make) -> None:
    first, second = untagged("first"), untagged("second", serial="1")
    assert (first, second) == (1, 2)
    assert (chosen(choose(staff, lines="1")), chosen(choose(staff, lines="#1")), chosen(choose(staff, lines="2"))) == ([2], [1], [2])


def test_what_is_not_known_or_written_twice_is_told_before_anything_prints(app: Flask, staff: FlaskClient, tagged: Make) -> None:
    tagged(), tagged()
    answer = choose(staff, lines="W12-0001 nonsense W12-0777 w12-0001 W12-0002 <b>x</b> #4711", then="print")
    assert "2 labels" in text(answer)
    assert "4 entries are no tag, serial number or number of an asset that is known: nonsense, W12-0777, <b>x</b>, #4711." in text(answer)
    assert "1 entry names an asset for the second time: w12-0001." in text(answer)
    assert (printed(answer), "<b>x</b>" in answer.get_data(as_text=True)) == ([], False)
    with app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(LabelPrint)) == 0


def test_what_is_clear_prints_at_once_and_its_dialog_opens_by_itself(staff: FlaskClient, tagged: Make) -> None:
    tagged(), tagged()
    page = choose(staff, lines="W12-0002\nW12-0001", then="print", copies="2")
    assert printed(page) == ["W12-0002", "W12-0002", "W12-0001", "W12-0001"]
    assert "<body data-autoprint>" in page.get_data(as_text=True)


def test_ten_thousand_lines_with_doubles_blanks_and_nonsense_are_made_out(staff: FlaskClient, tagged: Make) -> None:
    ids = [tagged() for _ in range(3)]
    lines = [("W12-0001", "", "W12-0003 ", f"n{number}", "w12-0002")[number % 5] for number in range(12_500)]
    answer = choose(staff, lines="\n".join(lines))
    assert (answer.status_code, chosen(answer)) == (200, [ids[0], ids[2], ids[1]])
    assert "2,500 entries are no tag" in text(answer)
    assert "7,497 entries name assets for the second time" in text(answer)
    assert "and 2,480 more" in text(answer)
    more = choose(staff, lines="\n".join([*lines, "W12-0001"]))
    assert more.status_code == 400
    assert "The list has 10,001 entries; at most 10,000 go at once. Divide it." in text(more)


def test_a_serial_number_that_several_assets_share_prints_them_all_and_says_so(
    app: Flask, staff: FlaskClient, untagged: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
    from request_tracker_utils.asset_store.service import Asset

    # The embedded directory keeps serial numbers apart; Request Tracker does not.
    twins = [Asset(untagged("one"), "one", "TWIN"), Asset(untagged("other"), "other", "twin")]
    monkeypatch.setattr(EmbeddedAssetStore, "find_by_serials", lambda self, serials: twins)
    answer = choose(staff, lines="Twin")
    assert chosen(answer) == [twin.id for twin in twins]
    assert "1 serial number has several assets: Twin." in text(answer)


def test_a_range_prints_its_tags_in_order_and_tells_which_are_nobodys(staff: FlaskClient, tagged: Make) -> None:
    ids = [tagged() for _ in range(5)]
    answer = choose(staff, first="w12-0002", last="W12-0007")
    assert chosen(answer) == ids[1:5]
    assert "2 tags of the range are nobody’s: W12-0006, W12-0007." in text(answer)
    assert printed(choose(staff, first="W12-0003", last="W12-0003", then="print")) == ["W12-0003"]


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("W12-0009", "W12-0002", "The range is reversed: W12-0009 comes after W12-0002."),
        ("W12-0001", "W12-1000001", "The range has 1,000,001 tags, but the limit is 5,000."),
        ("W12-0001", "OLD-0002", "W12-0001 and OLD-0002 have different prefixes."),
        ("XYZ-0001", "XYZ-0002", "“XYZ-0001” is not a tag. A tag looks like OLD-0001."),
        ("W12-0001", "", "Enter the first and the last tag of the range."),
        ("", "W12-0001", "Enter the first and the last tag of the range."),
        ("W12-1", "W12-0002", "“W12-1” is not a tag."),
        ("W12-0001'; DROP TABLE users; --", "W12-0002", "is not a tag."),
    ],
)
def test_a_range_that_is_none_is_refused_with_words(app: Flask, staff: FlaskClient, first: str, last: str, words: str) -> None:
    from request_tracker_utils.tags import sequence

    with app.app_context(), transaction() as session:
        sequence.create_if_missing(session, "OLD-", now=utc_now())
    answer = choose(staff, first=first, last=last)
    assert (answer.status_code, words in text(answer)) == (400, True), text(answer)


def test_a_query_is_counted_first_and_stands_alone(staff: FlaskClient, tagged: Make) -> None:
    tagged(model="ProBook"), tagged(model="iPad"), tagged(model="ProBook")
    assert "2 labels" in text(choose(staff, query="probook"))
    assert printed(choose(staff, query="probook", then="print")) == ["W12-0001", "W12-0003"]
    none, both = choose(staff, query="nothing like it"), choose(staff, query="probook", lines="W12-0002")
    assert (none.status_code, "The query finds no asset." in text(none)) == (400, True)
    assert (both.status_code, "A query stands alone" in text(both)) == (400, True)


def test_more_labels_than_a_browser_prints_are_refused(staff: FlaskClient, tagged: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("request_tracker_utils.labels.service.MOST_LABELS", 2)
    for _ in range(3):
        tagged()
    for form in ({"lines": "W12-0001 W12-0002 W12-0003"}, {"query": "ipad"}):
        answer = choose(staff, **form)
        assert (answer.status_code, "These are 3 assets; at most 2 labels" in text(answer)) == (400, True)


@pytest.mark.parametrize("form", [{}, {"lines": " \n;,\x00"}, {"asset_ids": "x"}, {"asset_ids": "9" * 30}])
def test_who_chooses_nothing_is_told_so(staff: FlaskClient, form: dict[str, str]) -> None:
    answer = choose(staff, **form)
    assert (answer.status_code, "Say whose labels to print" in text(answer)) == (400, True)


@pytest.mark.parametrize("copies", ["0", "-1", "21", "many", "1.5"])
def test_copies_that_cannot_be_are_refused_with_words(staff: FlaskClient, tagged: Make, copies: str) -> None:
    tagged()
    answer = choose(staff, lines="W12-0001", copies=copies)
    assert answer.status_code == 400
    assert "Print 1 to 20 copies of each label." in text(answer) or "Not a valid integer" in text(answer)
    assert "W12-0001" in text(answer)  # the list is still there


def test_numbers_of_thirty_digits_are_nobodys(staff: FlaskClient, tagged: Make) -> None:
    tagged()
    answer = choose(staff, lines=f"{'9' * 30} #{'9' * 30} W12-{'9' * 30} W12-0001")
    assert (answer.status_code, chosen(answer), "3 entries are no tag" in text(answer)) == (200, [1], True)


def test_a_search_keeps_the_list_and_what_was_ticked_before(staff: FlaskClient, tagged: Make, untagged: Make) -> None:
    ipad, other = tagged(model="iPad"), untagged("a projector", model="PowerLite")
    first = choose(staff, then="search", q="ipad", lines="W12-0777")
    assert f'name="asset_ids" value="{ipad}"' in first.get_data(as_text=True)
    second = choose(staff, then="print", q="projector", searched="ipad", lines="W12-0777", asset_ids=str(ipad))  # Enter in the field
    page = second.get_data(as_text=True)
    assert re.findall(r"<textarea[^>]*>\s*(.*?)</textarea>", page, re.DOTALL) == ["W12-0777\nW12-0001"]
    assert f'name="asset_ids" value="{other}"' in page
    assert "Nothing is found" in text(choose(staff, then="search", q="no such thing"))


def test_the_list_comes_back_as_it_was_written(staff: FlaskClient, tagged: Make) -> None:
    ticked = tagged()
    page = choose(staff, then="back", lines="one\ntwo <b>", first="W12-0001", last="W12-0002", asset_ids=str(ticked)).get_data(as_text=True)
    assert re.findall(r"<textarea[^>]*>\s*(.*?)</textarea>", page, re.DOTALL) == ["one\ntwo &lt;b&gt;\nW12-0001"]
    assert 'value="W12-0002"' in page


def test_an_address_names_assets_by_their_tags_or_numbers(staff: FlaskClient, tagged: Make, untagged: Make) -> None:
    one, two = tagged(), untagged()
    page = staff.get(f"/labels/batch?asset_ids={one},{two},0,x,{'9' * 30}").get_data(as_text=True)
    assert re.findall(r"<textarea[^>]*>\s*(.*?)</textarea>", page, re.DOTALL) == [f"W12-0001\n#{two}"]


def test_the_assets_of_a_finished_task_are_in_the_list(app: Flask, staff: FlaskClient, tagged: Make) -> None:
    asset = tagged()
    with app.app_context(), transaction() as session:
        items = [tasks.NewItem("made"), tasks.NewItem("failed"), tasks.NewItem("without an asset")]
        task = tasks.start(session, "tests", title="Tests", actor=Actor("ada"), now=utc_now(), items=items)
        made, failed, without = session.scalars(select(TaskItem).order_by(TaskItem.position))
        made.state, made.result = ItemState.DONE, {"asset_id": asset}
        failed.state, failed.result = ItemState.FAILED, {"asset_id": 4711}
        without.state = ItemState.DONE
    page = staff.get(f"/labels/batch?task={task.id}").get_data(as_text=True)
    assert re.findall(r"<textarea[^>]*>\s*(.*?)</textarea>", page, re.DOTALL) == ["W12-0001"]
    assert staff.get("/labels/batch?task=4711").status_code == 404


def test_ticked_rows_of_the_assets_page_go_on_to_the_form(staff: FlaskClient, untagged: Make) -> None:
    ids = [untagged() for _ in range(2)]
    sent = {"csrf_token": csrf_token(staff, "/assets"), "then": "look", "size": "large", "asset_ids": ids}
    answer = staff.post("/labels/batch/choose", data=sent, headers=PAGE)
    assert (answer.status_code, chosen(answer)) == (200, ids)
    assert '<option selected value="large">' in answer.get_data(as_text=True)
