"""Who may do what in the running program: roles and their permissions, routes and who may call them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flask import Flask

from request_tracker_utils.accounts.models import Role
from request_tracker_utils.web.auth import Access, access_of

Grants = Mapping[str, frozenset[StrEnum]]
QUIET_METHODS = frozenset({"HEAD", "OPTIONS"})


@dataclass(frozen=True)
class PermissionRow:
    permission: str
    roles: frozenset[str]


@dataclass(frozen=True)
class RouteRow:
    """`needs` says in words who may call the route; `roles` are empty for public ones, and for those that nobody opened."""

    rule: str
    methods: Sequence[str]
    needs: str
    public: bool
    roles: frozenset[str]


def permissions(grants: Grants) -> list[PermissionRow]:
    """Every permission that any role holds."""
    every = sorted(frozenset[str]().union(*grants.values()))
    return [PermissionRow(name, frozenset(role for role, held in grants.items() if name in held)) for name in every]


def routes(app: Flask, grants: Grants) -> list[RouteRow]:
    """Every route, by its address."""
    rows = [
        _row(rule.rule, sorted((rule.methods or set()) - QUIET_METHODS), access_of(app, rule.endpoint), grants)
        for rule in app.url_map.iter_rules()
    ]
    return sorted(rows, key=lambda row: (row.rule, row.methods))


def _row(rule: str, methods: list[str], access: Access | None, grants: Grants) -> RouteRow:
    if access is None:
        return RouteRow(rule, methods, "closed to all: nobody opened it", False, frozenset())
    if access.public:
        return RouteRow(rule, methods, access.reason, True, frozenset())
    by_browser = "" if access.by_token else ", by browser only"
    if access.permission is None:
        return RouteRow(rule, methods, f"signed in{by_browser}", False, frozenset(Role))
    roles = frozenset(role for role, held in grants.items() if access.permission in held)
    return RouteRow(rule, methods, f"{access.permission}{by_browser}", False, roles)
