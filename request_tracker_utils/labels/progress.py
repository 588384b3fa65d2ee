"""How far a page of labels is, and what is left where it stopped."""

from dataclasses import dataclass, field


@dataclass
class Progress:
    """What the page shows while labels come, and offers when they stop in the middle. `total` labels are expected; None where that is not
    known. Whoever yields the labels fills `rest` with the fields of a form that prints those that are left; it is sent to `again`.
    """

    total: int | None = None
    again: str = ""
    rest: dict[str, str] = field(default_factory=dict)
