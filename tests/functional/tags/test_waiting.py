"""The page of tags that the directory does not hold yet."""

from flask import Flask
from flask.testing import FlaskClient

from tests.services.apps import WEBHOOK_TOKEN, csrf_token, sign_in, user

PAGE = {"Accept": "text/html"}


def test_what_waits_is_shown_with_the_reason_and_can_be_tried_again(app: Flask, client: FlaskClient) -> None:
    user(app, "staff")
    sign_in(client, "staff")
    assert "Nothing waits" in client.get("/tags/waiting", headers=PAGE).get_data(as_text=True)
    client.post("/webhook/asset-created", json={"asset_id": 4000}, headers={"Authorization": f"Bearer {WEBHOOK_TOKEN}"})
    page = client.get("/tags/waiting", headers=PAGE).get_data(as_text=True)
    assert "W12-0001" in page
    assert "#4000" in page
    form = {"csrf_token": csrf_token(client, "/tags/waiting")}
    assert client.post("/tags/waiting/W12-0001/look-again", data=form, headers=PAGE).status_code == 303
    assert client.post("/tags/waiting/W12-0099/look-again", data=form, headers=PAGE).status_code == 404
