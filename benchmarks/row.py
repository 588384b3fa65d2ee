"""One line of the table."""

from dataclasses import dataclass

TIMES, SHARE, COUNT = "times", "share", "count"


@dataclass(frozen=True)
class Row:
    """`value` and `target` are ratios; `at_least` says on which side of the target the value has to be.

    `unit` says how they read: TIMES (`12.3 ×`), SHARE (`41 %`) or COUNT (`11`). A row without a value says in `detail` why nothing
    was measured.
    """

    name: str
    value: float | None
    target: float
    unit: str
    detail: str
    at_least: bool = True

    @property
    def met(self) -> bool | None:
        """None when nothing was measured."""
        if self.value is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    @property
    def ratio(self) -> str:
        return "–" if self.value is None else self._shown(self.value)

    @property
    def wanted(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self._shown(self.target)}"

    @property
    def verdict(self) -> str:
        return {True: "met", False: "missed", None: "–"}[self.met]

    def _shown(self, ratio: float) -> str:
        if self.unit == SHARE:
            return f"{ratio * 100:.1f}".removesuffix(".0") + " %"
        if self.unit == TIMES:
            return f"{ratio:.1f}".removesuffix(".0") + " ×"
        return f"{ratio:.0f}"
