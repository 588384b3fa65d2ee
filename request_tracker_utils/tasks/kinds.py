"""The kinds of tasks that there are: domains bring theirs, each with the work that it means."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from flask import Flask, current_app

from request_tracker_utils.tasks.models import Task
from request_tracker_utils.tasks.running import RunningTask

_KEY = "rtutils_task_kinds"


@dataclass(frozen=True)
class Link:
    """Where a task leads when it is done."""

    title: str
    address: str


def no_links(_task: Task) -> Sequence[Link]:
    return ()


@dataclass(frozen=True)
class Kind:
    """`work` runs inside the app's context, and returns a sentence on what came of it. It may be killed in the middle and begins anew
    then, with the items that are left. `permission` is needed to cancel or resume a task of the kind; `links` are asked for in a request.
    """

    name: str
    permission: StrEnum
    work: Callable[[RunningTask], str]
    links: Callable[[Task], Sequence[Link]] = no_links


def install(app: Flask) -> None:
    app.extensions[_KEY] = {}


def offer(app: Flask, kind: Kind) -> None:
    """Makes the kind known. Raises ValueError for a name that another kind has."""
    known = cast("dict[str, Kind]", app.extensions[_KEY])
    if kind.name in known:
        raise ValueError(f"two kinds of tasks are called {kind.name}")
    known[kind.name] = kind


def named(name: str) -> Kind | None:
    """None for the kind of an older version's task that is no more."""
    return cast("dict[str, Kind]", current_app.extensions[_KEY]).get(name)
