"""What a domain contributes to the app: all that `app.py` knows about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import click
from flask import Blueprint, Flask
from flask_openapi3 import APIBlueprint

from request_tracker_utils.core.health import HealthCheck
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.messages import MessageKind
from request_tracker_utils.core.page_settings import SettingsGroup

Gauges = Callable[[], Mapping[str, tuple[str, float]]]
"""Returns gauges for Prometheus: name → help text and value."""


@dataclass(frozen=True)
class NavItem:
    """An entry in the navigation, shown to callers with the permission."""

    title: str
    endpoint: str
    permission: StrEnum
    order: int = 50


@dataclass(frozen=True)
class PageLink:
    """A link from a page of a lower domain (`page` is its endpoint) to one of ours; shown to callers with the permission."""

    page: str
    title: str
    endpoint: str
    permission: StrEnum
    order: int = 50
    values: Mapping[str, str] = field(default_factory=dict)
    """URL arguments of the endpoint."""


@dataclass(frozen=True)
class HomeCard:
    """A card on the home page. `content` returns the template's `card`; it is called for callers with the permission."""

    template: str
    permission: StrEnum
    content: Callable[[], Mapping[str, object]]
    order: int = 50


@dataclass(frozen=True)
class SectionContent:
    """Contents of a status section: `facts` for its template, and one sentence per problem."""

    facts: Mapping[str, object]
    problems: Sequence[str] = ()


@dataclass(frozen=True)
class StatusSection:
    """A section of the status page. `content` runs in its own thread, in the app context but without a request. If it asks another
    system, it returns within two seconds with what it knows by then."""

    title: str
    template: str
    content: Callable[[], SectionContent]
    order: int = 50


@dataclass(frozen=True)
class Demo:
    """Sample data of a domain. `fill` is called if all domains are empty, and returns how many rows it added."""

    title: str
    is_empty: Callable[[], bool]
    fill: Callable[[], int]


@dataclass(frozen=True)
class Feature:
    """A domain's routes, jobs, commands and permissions. `install` provides instances to the registry; `prepare` runs at each start after
    the migrations, in one process at a time. Entries of `administration` share one entry in the navigation."""

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
    messages: Sequence[MessageKind] = ()
    page_settings: Sequence[SettingsGroup] = ()
    """Settings that administrators may enter on a page."""
    grants: Mapping[str, frozenset[StrEnum]] = field(default_factory=dict)
    former_addresses: Mapping[str, str] = field(default_factory=dict)
    """Of pages: rule → endpoint that has replaced it and takes the same arguments."""
    demo: Demo | None = None
    install: Callable[[Flask], None] | None = None
    prepare: Callable[[], None] | None = None
