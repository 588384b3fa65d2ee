"""The kinds of tasks that there are: domains bring theirs, each with the work that it means."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from request_tracker_utils.tasks.models import Task
from request_tracker_utils.tasks.running import RunningTask


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


class Kinds:
    """Every kind of task, by name. Features add theirs while the app is set up."""

    def __init__(self) -> None:
        self._by_name: dict[str, Kind] = {}

    def add(self, *kinds: Kind) -> None:
        """Raises ValueError for a name that another kind has."""
        for kind in kinds:
            if kind.name in self._by_name:
                raise ValueError(f"two kinds of tasks are called {kind.name}")
            self._by_name[kind.name] = kind

    def named(self, name: str) -> Kind | None:
        """None for a task of an older version whose kind no longer exists."""
        return self._by_name.get(name)
