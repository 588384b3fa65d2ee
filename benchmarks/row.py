"""One line of the table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`value` and `target` are ratios; `at_least` says on which side of the target the value has to be."""

    name: str
    value: float
    target: float
    unit: str
    detail: str
    at_least: bool = True

    @property
    def met(self) -> bool:
        return self.value >= self.target if self.at_least else self.value <= self.target
