"""The state of an app as it was at one moment, and the way back to it."""

from collections import deque
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from flask import Flask

OURS = "request_tracker_utils"
_PLAIN = (dict, list, set, deque)


class AppState:
    """Remembers what a test may change in an app: its attributes, those of the program's objects that hang on it (the registry and what
    features provided), and every container in them. `restore` puts them back. Objects of libraries are left as they are.
    """

    def __init__(self, app: Flask) -> None:
        self._known: dict[int, Any] = {}
        self._containers: list[tuple[Any, Any]] = []
        environment = app.jinja_env
        pending: list[Any] = [app, environment.globals, environment.filters, environment.tests]
        while pending:
            found = pending.pop()
            if id(found) not in self._known:
                self._known[id(found)] = found  # kept, so that no other object gets its number
                pending += self._parts(found)

    def restore(self) -> None:
        for container, before in self._containers:
            if not _is_same(container, before):
                container.clear()
                (container.extend if isinstance(container, (list, deque)) else container.update)(before)

    def _parts(self, found: Any) -> Iterator[Any]:
        kind = type(found)  # isinstance would look through proxies for the current request
        if issubclass(kind, (tuple, frozenset)):
            yield from found
        elif issubclass(kind, _PLAIN):
            yield from self._remember(found)
        if _has_state(kind):
            yield from self._remember(vars(found))

    def _remember(self, container: Any) -> Iterator[Any]:
        plain = next(kind for kind in _PLAIN if isinstance(container, kind))
        before: Any = plain(container)
        self._containers.append((container, before))
        yield from before.values() if isinstance(before, Mapping) else before


def _has_state(kind: type) -> bool:
    if issubclass(kind, (type, Enum)) or not kind.__dictoffset__:
        return False
    return issubclass(kind, Flask) or kind.__module__.startswith(OURS)


def _is_same(container: Any, before: Any) -> bool:
    """Whether it holds the same objects in the same order, whatever their `==` says."""
    if len(container) != len(before):
        return False
    if isinstance(before, set):
        return bool(container == before)
    if isinstance(before, dict):
        return all(one == other and container[one] is before[other] for one, other in zip(container, before, strict=True))
    return all(one is other for one, other in zip(container, before, strict=True))
