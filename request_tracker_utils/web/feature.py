"""What a domain hands to the app: the only thing that `app.py` knows of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import click
from flask import Blueprint, Flask
from flask_openapi3 import APIBlueprint

from request_tracker_utils.core.jobs import Job


@dataclass(frozen=True)
class NavItem:
    """An entry of the navigation, shown to whoever holds the permission."""

    title: str
    endpoint: str
    permission: StrEnum
    order: int = 50


@dataclass(frozen=True)
class HomeCard:
    """A card of the front page. `content` gives what is `card` in the template; it is called for those who hold the permission."""

    template: str
    permission: StrEnum
    content: Callable[[], Mapping[str, object]]
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
    each start, after the migrations, in one process at a time."""

    name: str
    apis: Sequence[APIBlueprint] = ()
    pages: Sequence[Blueprint] = ()
    jobs: Sequence[Job] = ()
    commands: Sequence[click.Command] = ()
    navigation: Sequence[NavItem] = ()
    cards: Sequence[HomeCard] = ()
    grants: Mapping[str, frozenset[StrEnum]] = field(default_factory=dict)
    demo: Demo | None = None
    install: Callable[[Flask], None] | None = None
    prepare: Callable[[], None] | None = None
