"""One line of the table."""

from dataclasses import dataclass

TIMES, SHARE = "times", "share"


@dataclass(frozen=True)
class Row:
    """`value` and `target` are ratios; `at_least` says on which side of the target the value has to be.

    `unit` says how they read: TIMES (`12.3 ×`) or SHARE (`41 %`). A row without a value says in `detail` why nothing was measured.
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
        return {True: "met", False: "missed", None: "not run"}[self.met]

    def _shown(self, ratio: float) -> str:
        return f"{ratio:.1%}".replace(".0%", "%").replace("%", " %") if self.unit == SHARE else f"{ratio:.1f}".removesuffix(".0") + " ×"
