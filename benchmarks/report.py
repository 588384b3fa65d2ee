"""The rows of the table, and progress messages."""

import sys
from dataclasses import dataclass

TIMES, SHARE, COUNT, MILLISECONDS, MEGABYTES = "times", "share", "count", "milliseconds", "megabytes"


@dataclass(frozen=True)
class Row:
    """The result of a benchmark. The target is a minimum with `at_least`, otherwise a maximum.

    `unit` is the format of `value` and `target`: TIMES (`12.3 ×`), SHARE (`41 %`), COUNT (`11`), MILLISECONDS (`8.2 ms`) or
    MEGABYTES (`90 MB`). Without a value, `detail` says why the benchmark was not run.
    """

    name: str
    value: float | None
    target: float
    unit: str
    detail: str
    at_least: bool = True

    @property
    def met(self) -> bool | None:
        """None if the benchmark was not run."""
        if self.value is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    @property
    def ratio(self) -> str:
        return "–" if self.value is None else self._format(self.value)

    @property
    def target_text(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self._format(self.target)}"

    @property
    def result(self) -> str:
        return {True: "met", False: "missed", None: "–"}[self.met]

    def _format(self, ratio: float) -> str:
        if self.unit == SHARE:
            return f"{ratio * 100:.1f}".removesuffix(".0") + " %"
        if self.unit == TIMES:
            return (f"{ratio:.2f}".rstrip("0").removesuffix(".") if ratio < 2 else f"{ratio:.1f}".removesuffix(".0")) + " ×"
        if self.unit == MILLISECONDS:
            return f"{ratio:.1f}".removesuffix(".0") + " ms"
        return f"{ratio:.0f} MB" if self.unit == MEGABYTES else f"{ratio:.0f}"


def say(line: str) -> None:
    """Writes to standard error, so that the table can be redirected to a file."""
    sys.stderr.write(f"  {line}\n")
    sys.stderr.flush()
