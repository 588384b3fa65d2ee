"""The kinds of tasks. Each domain registers its own, with the work that they do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from request_tracker_utils.tasks.models import Task
from request_tracker_utils.tasks.running import RunningTask


@dataclass(frozen=True)
class Link:
    """A button on the page of a task that is done."""

    title: str
    address: str


def no_links(_task: Task) -> Sequence[Link]:
    return ()


@dataclass(frozen=True)
class TaskKind:
    """`work` runs inside the app's context and returns a sentence that sums up the result. It may be killed at any point; then it runs
    again, with the items that are pending. `permission` is needed to cancel or resume a task of the kind; `links` is called in a request.
    """

    name: str
    permission: StrEnum
    work: Callable[[RunningTask], str]
    links: Callable[[Task], Sequence[Link]] = no_links


class TaskKinds:
    """Every kind of task, by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, TaskKind] = {}

    def add(self, *kinds: TaskKind) -> None:
        """Called while the app is set up. Raises ValueError for a name that another kind has."""
        for kind in kinds:
            if kind.name in self._by_name:
                raise ValueError(f"two kinds of tasks have the name {kind.name}")
            self._by_name[kind.name] = kind

    def named(self, name: str) -> TaskKind | None:
        """None for a kind that only an older version had."""
        return self._by_name.get(name)
