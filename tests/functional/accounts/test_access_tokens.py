"""Access tokens: what they open, what ends them, and what is shown as one and is none."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import time_machine
from flask import Flask
from sqlalchemy import event

from request_tracker_utils.accounts import access_tokens, service
from request_tracker_utils.accounts.access_tokens import TokenService
from request_tracker_utils.accounts.models import LoginKind
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.db import db, transaction
from request_tracker_utils.web.registry import registry_of
from tests.functional.accounts.records import account, made, recorded
from tests.services.apps import PASSWORD, make_app, user
from tests.services.people import Person
from tests.services.tables import check_all

OURS = "the key of this installation, which signs"
FORMER = "a former key of this installation, accepted"
PATH = "/next-asset-tag"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def signed_in(app: Flask, name: str = "bob", password: str = PASSWORD) -> str:
    answer = app.test_client().post("/api/login", json={"username": name, "password": password})
    assert answer.status_code == 200, answer.json
    return str(answer.json["access_token"])


def status_of(app: Flask, token: str, path: str = PATH) -> int:
    return app.test_client().get(path, headers=bearer(token)).status_code


@pytest.fixture
def bob(app: Flask) -> int:
    return made(app, "staff", "bob")


@pytest.fixture
def keyed(app: Flask, bob: int) -> Flask:
    """The app with known keys, a present and a former one."""
    registry_of(app).provide(TokenService, TokenService([OURS, FORMER], lifetime=timedelta(hours=12)))
    return app


def claims(user_id: int, **changed: Any) -> dict[str, Any]:
    """Those of a good token, with changes; None removes one."""
    now = int(datetime.now(UTC).timestamp())
    good = {"sub": str(user_id), "epoch": 0, "use": "access", "iat": now, "exp": now + 3600}
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def sign(payload: Any, key: str = OURS, **header: Any) -> str:
    """Signs anything, also what no library would sign."""

    def part(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    top = header or {"alg": "HS256", "typ": "JWT"}
    signed = f"{part(json.dumps(top, separators=(',', ':')).encode())}.{part(json.dumps(payload).encode())}"
    return f"{signed}.{part(hmac.digest(key.encode(), signed.encode(), hashlib.sha256))}"


def test_an_access_token_has_what_its_owner_may_with_either_scheme(app: Flask, bob: int) -> None:
    token = signed_in(app)
    for scheme in ("Bearer", "Token", "bearer"):
        assert app.test_client().get(PATH, headers={"Authorization": f"{scheme} {token}"}).status_code == 200
    assert status_of(app, token, "/admin") == 403
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    payload = jwt.decode(token, options={"verify_signature": False})
    assert (payload["sub"], payload["exp"] - payload["iat"]) == (str(bob), 12 * 3600)
    assert not {"role", "name", "email"} & set(payload)


def test_our_own_signature_is_the_librarys(keyed: Flask, bob: int) -> None:
    """So that the table below tests tokens and not a wrong signature."""
    payload = claims(bob)
    assert sign(payload).split(".")[2] != sign(payload, FORMER).split(".")[2]
    assert jwt.decode(sign(payload), OURS, algorithms=["HS256"]) == payload
    assert [status_of(keyed, sign(payload, key)) for key in (OURS, FORMER)] == [200, 200]


def bad_tokens(bob: int, ada: int) -> dict[str, str]:
    now = int(datetime.now(UTC).timestamp())
    good = claims(bob)
    head, body, mark = sign(good).split(".")
    of_ada = sign(claims(ada)).split(".")[1]

    def unsigned(alg: str) -> str:
        return sign(good, alg=alg, typ="JWT").rsplit(".", 1)[0] + "."

    return {
        "expired": sign(claims(bob, iat=now - 7200, exp=now - 3600)),
        "expired a second ago": sign(claims(bob, exp=now - 1)),
        "from the future": sign(claims(bob, iat=now + 3600, exp=now + 7200)),
        "alg none": unsigned("none"),
        "alg None": unsigned("None"),
        "alg nOnE with the signature": f"{unsigned('nOnE')}{mark}",
        "alg HS512": jwt.encode(good, OURS.ljust(64, "x"), algorithm="HS512"),
        "alg HS384 of our key": sign(good, alg="HS384", typ="JWT"),
        "alg RS256": sign(good, alg="RS256", typ="JWT"),
        "no alg": sign(good, typ="JWT"),
        "no signature": f"{head}.{body}.",
        "another's sub": f"{head}.{of_ada}.{mark}",
        "an empty key": sign(good, ""),
        "a key that was removed": sign(good, "a key of years ago, no longer accepted"),
        "a kid": sign(good, alg="HS256", typ="JWT", kid="1"),
        "a kid that is a path": sign(good, "", alg="HS256", typ="JWT", kid="../../../dev/null"),
        "a kid of SQL": sign(good, "x", alg="HS256", typ="JWT", kid="' UNION SELECT 'x"),
        "a kid that is an object": sign(good, alg="HS256", typ="JWT", kid={"a": 1}),
        "a kid of the former key": sign(good, FORMER, alg="HS256", typ="JWT", kid="TOKEN_KEY_OLD"),
        "a jku": sign(good, alg="HS256", typ="JWT", jku="http://127.0.0.1:9/keys"),
        "a jwk": sign(good, "x", alg="HS256", typ="JWT", jwk={"kty": "oct", "k": "eA"}),
        "a critical extension": sign(good, alg="HS256", typ="JWT", crit=["b64"], b64=False),
        "no claims": sign({}),
        **{f"without {name}": sign(claims(bob, **{name: None})) for name in good},
        "of another use": sign(claims(bob, use="refresh")),
        "another epoch": sign(claims(bob, epoch=1)),
        "epoch as text": sign(claims(bob, epoch="0")),
        "epoch as truth": sign(claims(bob, epoch=False)),
        "exp as text": sign(claims(bob, exp=str(now + 3600))),
        "exp beyond all years": sign(claims(bob, exp=10**30)),
        "exp infinite": sign(claims(bob, exp=float("inf"))),
        "iat before all years": sign(claims(bob, iat=-(10**30))),
        "sub as number": sign(claims(bob, sub=bob)),
        "sub of nobody": sign(claims(999_999)),
        "sub out of range": sign(claims(bob, sub="9" * 10)),
        "sub with a blank": sign(claims(bob, sub=f" {bob}")),
        "sub negative": sign(claims(bob, sub=f"-{bob}")),
        "sub in other digits": sign(claims(bob, sub="١")),
        "sub of SQL": sign(claims(bob, sub=f"{bob} OR 1=1")),
        "claims that are a list": sign([good]),
        "claims that are text": sign("good"),
        "10 kB of claims": sign(claims(bob, padding="x" * 10_000)),
        "10 kB of signature": f"{head}.{body}.{mark}{'A' * 10_000}",
        "10 kB of dots": "." * 10_000,
        "two dots": "..",
        "four parts": f"{head}.{body}.{mark}.{mark}",
        "no base64": f"{head}.%%%.{mark}",
        "no ASCII": f"{head}.{body}.é",
        "cut off": sign(good)[:-1],
        "its last bit flipped": f"{head}.{body}.{mark[:-2]}{chr(ord(mark[-2]) ^ 1)}{mark[-1]}",
        "in capitals": sign(good).upper(),
    }


def test_what_is_no_access_token_opens_nothing(keyed: Flask, bob: int) -> None:
    ada = made(keyed, "admin", "ada")

    def refused(how: str, token: str) -> None:
        answer = keyed.test_client().get(PATH, headers=bearer(token))
        assert (answer.status_code, answer.json and answer.json["code"]) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")

    assert status_of(keyed, sign(claims(bob))) == 200
    check_all(list(bad_tokens(bob, ada).items()), refused)
    assert {kept.kind for kept in recorded(keyed, LoginKind.TOKEN_REFUSED)} == {LoginKind.TOKEN_REFUSED}


def test_a_process_remembers_few_tokens_and_only_ours(keyed: Flask, bob: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_tokens, "MAX_REMEMBERED", 3)
    service = registry_of(keyed).get(TokenService)
    tokens = [sign(claims(bob, exp=int(datetime.now(UTC).timestamp()) + 60 + n)) for n in range(5)]
    for token in (*tokens, *tokens):
        assert status_of(keyed, token) == 200
        assert status_of(keyed, token[:-2]) == 401
    assert list(service._signed) == tokens[-3:]


def test_a_long_token_is_refused_before_it_is_decoded(keyed: Flask, bob: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object, **__: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(jwt, "decode", decode)
    for token in (sign(claims(bob, padding="x" * 10_000)), sign(claims(bob), alg="none"), sign(claims(bob), alg="HS256", kid="1")):
        assert status_of(keyed, token) == 401


def test_it_expires_and_is_not_accepted_by_a_clock_that_was_set_back(app: Flask, bob: int) -> None:
    token, now = signed_in(app), datetime.now(UTC)
    times = {"at once": 0, "a clock of another server": -20, "before it expires": 12 * 3600 - 5, "after": 12 * 3600 + 1, "set back": -3600}
    statuses = {}
    for when, seconds in times.items():
        with time_machine.travel(now + timedelta(seconds=seconds)):
            statuses[when] = status_of(app, token)
    assert statuses == {"at once": 200, "a clock of another server": 200, "before it expires": 200, "after": 401, "set back": 401}


def deactivate(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        service.deactivate(session, service.user_named(session, "bob"), actor=of_command(), now=datetime.now(UTC))


def deactivate_and_activate(app: Flask) -> None:
    deactivate(app)
    with app.app_context(), transaction() as session:
        service.activate(session, service.user_named(session, "bob"), actor=of_command(), now=datetime.now(UTC))


def change_password(app: Flask) -> None:
    form = {"current": PASSWORD, "password": "tulips on the moon", "again": "tulips on the moon"}
    assert Person(app, "bob").submit("/me/password", **form).status_code == 303


def sign_out_everywhere(app: Flask) -> None:
    assert Person(app, "bob").submit("/me/sessions/end").status_code == 303


def signed_out_by_an_administrator(app: Flask) -> None:
    admin = Person(app, user(app, "admin", "ada"))
    assert admin.submit(f"/admin/people/{account(app, 'bob').id}/sessions/end").status_code == 303


def delete_account(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        session.delete(service.user_named(session, "bob"))


@pytest.mark.parametrize(
    "end", [deactivate, deactivate_and_activate, change_password, sign_out_everywhere, signed_out_by_an_administrator, delete_account]
)
def test_it_dies_with_the_account_the_password_and_signing_out_everywhere(app: Flask, bob: int, end: Callable[[Flask], None]) -> None:
    token = signed_in(app)
    assert status_of(app, token) == 200
    end(app)
    assert status_of(app, token) == 401


def test_a_token_of_before_a_concurrent_change_of_the_password_is_dead(app: Flask, bob: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is changed while the old one is being checked."""
    real = service.passwords.matches

    def matches_slowly(password_hash: str | None, password: str) -> bool:
        result = real(password_hash, password)
        with app.app_context(), transaction() as session:
            service.set_password(
                session, service.user_named(session, "bob"), "tulips on the moon", origin=service.NOWHERE, now=datetime.now(UTC)
            )
        return result

    monkeypatch.setattr(service.passwords, "matches", matches_slowly)
    assert status_of(app, signed_in(app)) == 401


def test_a_change_of_role_applies_to_tokens_that_exist(app: Flask, bob: int) -> None:
    token = signed_in(app)
    with app.app_context(), transaction() as session:
        service.change_user(session, service.user_named(session, "bob"), {"role": "student"}, actor=of_command(), now=datetime.now(UTC))
    assert status_of(app, token) == 403


def test_a_removed_key_ends_tokens_and_a_former_one_does_not(tmp_path: Path, database_url: str, app: Flask, bob: int) -> None:
    """The same installation started with other settings."""
    first, second, third = "1" * 40, "2" * 40, "3" * 40

    def started(name: str, **keys: str) -> Flask:
        return make_app(tmp_path / name, database_url=database_url, **keys)

    token = signed_in(started("a", token_key=first))
    assert status_of(started("b", token_key=second, token_key_old=first), token) == 200
    assert status_of(started("c", token_key=second), token) == 401
    assert status_of(started("d", token_key=third, token_key_old=second), token) == 401
    new = signed_in(started("b2", token_key=second, token_key_old=first))
    assert jwt.decode(new, second, algorithms=["HS256"])["sub"] == str(bob)


def test_tokens_cannot_change_accounts(app: Flask) -> None:
    admin = made(app, "admin", "ada")
    headers = bearer(signed_in(app, "ada"))
    for path in ("/me/tokens", "/me/password", f"/admin/people/{admin}/state", "/admin/people/new"):
        assert app.test_client().post(path, headers=headers).status_code == 403, path


def test_a_cookie_does_not_help_a_bad_token_and_a_token_starts_no_session(app: Flask, bob: int) -> None:
    person = Person(app, "bob")
    assert person.get(PATH, headers=bearer(signed_in(app) + "x")).status_code == 401
    client = app.test_client()
    answer = client.post("/api/login", json={"username": "bob", "password": PASSWORD})
    assert "Set-Cookie" not in answer.headers
    assert client.get("/me").status_code == 401


def test_the_first_use_from_an_address_is_recorded_once(app: Flask, bob: int) -> None:
    token = signed_in(app)
    for address in ("203.0.113.7", "203.0.113.7", "198.51.100.9"):
        app.test_client().get(PATH, headers=bearer(token), environ_base={"REMOTE_ADDR": address})
    assert sorted(kept.address for kept in recorded(app, LoginKind.TOKEN_USED)) == ["198.51.100.9", "203.0.113.7"]


def test_one_query_by_primary_key_authenticates_a_request(app: Flask, bob: int) -> None:
    token, statements = signed_in(app), list[str]()
    status_of(app, token)
    with app.app_context():
        engine = db.engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    status_of(app, token)
    event.remove(engine, "before_cursor_execute", note)
    assert len([each for each in statements if "FROM users" in each]) == 1
    assert not [each for each in statements if "login_events" in each or "personal_tokens" in each]


def test_derived_keys_are_stable_and_differ_by_purpose_and_key() -> None:
    ours, other = (TokenService([key], lifetime=timedelta(hours=1)) for key in (OURS, FORMER))
    assert ours.derived_keys("a") == ours.derived_keys("a")
    assert len({*ours.derived_keys("a"), *ours.derived_keys("b"), *other.derived_keys("a")}) == 3
    assert len(TokenService([OURS, FORMER], lifetime=timedelta(hours=1)).derived_keys("a")) == 2


def test_only_three_parts_look_like_an_access_token() -> None:
    for text in ("rtu_" + "x" * 43, "1-14-" + "0" * 32, "", "a.b", "a.b.c.d"):
        assert not access_tokens.has_form(text)
