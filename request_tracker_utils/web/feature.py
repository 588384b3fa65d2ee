"""What a domain hands to the app: the only thing that `app.py` knows of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import click
from flask import Blueprint, Flask
from flask_openapi3 import APIBlueprint

from request_tracker_utils.core.health import HealthCheck
from request_tracker_utils.core.jobs import Job

Gauges = Callable[[], Mapping[str, tuple[str, float]]]
"""Gives numbers when Prometheus asks: name → what it means and its value."""


@dataclass(frozen=True)
class NavItem:
    """An entry of the navigation, shown to whoever holds the permission."""

    title: str
    endpoint: str
    permission: StrEnum
    order: int = 50


@dataclass(frozen=True)
class PageLink:
    """A way from a page of a lower room, named by its endpoint, to one of ours; shown to whoever holds the permission."""

    page: str
    title: str
    endpoint: str
    permission: StrEnum
    order: int = 50
    values: Mapping[str, str] = field(default_factory=dict)
    """What the endpoint's address takes."""


@dataclass(frozen=True)
class HomeCard:
    """A card of the front page. `content` gives what is `card` in the template; it is called for those who hold the permission."""

    template: str
    permission: StrEnum
    content: Callable[[], Mapping[str, object]]
    order: int = 50


@dataclass(frozen=True)
class Condition:
    """How a part of the program fares: `facts` for its template, and what is wrong, a sentence each."""

    facts: Mapping[str, object]
    problems: Sequence[str] = ()


@dataclass(frozen=True)
class StatusSection:
    """A part of the administrator's status page. `content` runs in a thread of its own, inside the app's context and not the request's;
    its facts are `facts` in the template. What asks another system answers within two seconds, with what it knows by then."""

    title: str
    template: str
    content: Callable[[], Condition]
    order: int = 50


@dataclass(frozen=True)
class Demo:
    """Believable data of a domain, for looking around; `fill` returns how many rows and is called when all domains are empty."""

    title: str
    is_empty: Callable[[], bool]
    fill: Callable[[], int]


@dataclass(frozen=True)
class Feature:
    """A domain's routes, work, commands and rights. `install` registers what it gives to lower rooms; `prepare` runs at
    each start, after the migrations, in one process at a time. Entries of `administration` share one entry of the navigation."""

    name: str
    apis: Sequence[APIBlueprint] = ()
    pages: Sequence[Blueprint] = ()
    jobs: Sequence[Job] = ()
    commands: Sequence[click.Command] = ()
    navigation: Sequence[NavItem] = ()
    administration: Sequence[NavItem] = ()
    links: Sequence[PageLink] = ()
    cards: Sequence[HomeCard] = ()
    checks: Sequence[HealthCheck] = ()
    gauges: Sequence[Gauges] = ()
    status: Sequence[StatusSection] = ()
    grants: Mapping[str, frozenset[StrEnum]] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    """Former addresses of pages: rule → endpoint that answers now and takes the same arguments."""
    demo: Demo | None = None
    install: Callable[[Flask], None] | None = None
    prepare: Callable[[], None] | None = None
