"""Who may do what, as the running program has it."""

from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.administration.views import administration as access
from request_tracker_utils.web.auth import Access, open_endpoint
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import token


def granted(app: Flask) -> access.Grants:
    grants: access.Grants = registry_of(app).grants
    return grants


def test_each_permission_is_listed_with_the_roles_that_hold_it(app: Flask) -> None:
    held = {row.permission: row.roles for row in access.permission_rows(granted(app))}
    assert held["assets:asset:read"] == {"admin", "staff", "teacher"}
    assert held["administration:data:read"] == {"admin"}


def test_each_route_is_listed_with_the_roles_that_may_call_it(app: Flask, client: FlaskClient) -> None:
    routes = access.route_rows(app, granted(app))
    assert {row.rule for row in routes} == {rule.rule for rule in app.url_map.iter_rules()}
    by_rule = {row.rule: row for row in routes}
    assert by_rule["/assets"].roles == {"admin", "staff", "teacher"}
    assert by_rule["/me"].roles == {"admin", "staff", "teacher", "student", "user"}
    assert by_rule["/admin/data/users/"].needs == "administration:data:read"
    assert (by_rule["/sign-in"].public, by_rule["/sign-in"].needs) == (True, "people sign in here")
    text = client.get("/admin/access", headers=token(app, "admin")).get_data(as_text=True)
    for rule in ("/assets/&lt;int:asset_id&gt;", "/admin/data/users/", "one-time link for choosing a password"):
        assert rule in text


def test_a_route_without_a_rule_is_shown_as_closed(own_app: Flask) -> None:
    own_app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    row = next(row for row in access.route_rows(own_app, granted(own_app)) if row.rule == "/forgotten")
    assert (row.needs, row.public, row.roles) == ("closed: no access declared", False, frozenset())


def test_a_librarys_route_is_opened_by_its_endpoint(own_app: Flask) -> None:
    own_app.add_url_rule("/librarys", "librarys", lambda: "hello")
    open_endpoint(own_app, "librarys", Access(public=True, reason="test"))
    assert own_app.test_client().get("/librarys").status_code == 200
