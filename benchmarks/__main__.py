"""`python -m benchmarks [--markdown] [names…]`: measures, and prints a table of ratios."""

import time
from collections.abc import Callable, Iterator

import click
from rich.console import Console
from rich.table import Table

from benchmarks import (
    audit,
    batch,
    creating,
    crowd,
    differences,
    guessing,
    holders,
    labels,
    machine,
    preview,
    rosters,
    signed_in,
    stream,
    students,
    sweep,
    tags,
    webhook,
)
from benchmarks.progress import say
from benchmarks.row import Row
from tests.services.request_tracker import NOT_INSTALLED, installed

Measure = Callable[[], Iterator[Row]]
MEASURES: dict[str, Measure] = {
    "labels": labels.measure,
    "tags": tags.measure,
    "preview": preview.measure,
    "signed-in": signed_in.measure,
    "guessing": guessing.measure,
    "audit": audit.measure,
    "differences": differences.measure,
    "students": students.measure,
    "rosters": rosters.measure,
    "batch": batch.measure,
    "stream": stream.measure,
    "webhook": webhook.measure,
    "sweep": sweep.measure,
    "creating": creating.measure,
    "crowd": crowd.measure,
    "holders": holders.measure,
}
NEED_REQUEST_TRACKER: dict[str, list[Row]] = {
    "batch": batch.NOT_RUN,
    "stream": stream.NOT_RUN,
    "webhook": webhook.NOT_RUN,
    "sweep": sweep.NOT_RUN,
    "creating": creating.NOT_RUN,
    "crowd": crowd.NOT_RUN,
    "holders": holders.NOT_RUN,
}
HEADINGS = ("Measure", "Ratio", "Target", "", "Made of")


@click.command()
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@click.argument("names", nargs=-1, type=click.Choice(list(MEASURES)))
def main(names: tuple[str, ...], markdown: bool) -> None:
    """Measure what the program promises about its own speed: all of it, or what NAMES say. A missed target is no error."""
    facts = machine.facts()
    rows = [row for name in names or MEASURES for row in _rows(name)]
    (_markdown if markdown else _plain)(facts, rows)


def _rows(name: str) -> list[Row]:
    if name in NEED_REQUEST_TRACKER and not installed():
        say(f"{name}: {NOT_INSTALLED}")
        return NEED_REQUEST_TRACKER[name]
    say(f"{name} …")
    begun, rows = time.monotonic(), list(MEASURES[name]())
    say(f"{name}: {time.monotonic() - begun:.0f} s")
    return rows


def _cells(row: Row) -> tuple[str, ...]:
    return row.name, row.ratio, row.wanted, row.verdict, row.detail


def _plain(facts: list[tuple[str, str]], rows: list[Row]) -> None:
    table = Table(*HEADINGS, show_lines=True)
    for row in rows:
        table.add_row(*_cells(row), style={True: "", False: "bold red", None: "dim"}[row.met])
    console = Console()
    for name, value in facts:
        console.print(f"{name}: {value}", highlight=False, markup=False)
    console.print(table)


def _markdown(facts: list[tuple[str, str]], rows: list[Row]) -> None:
    lines = [f"- {name}: {value}" for name, value in facts]
    lines += ["", _line(HEADINGS), "| --- | ---: | ---: | --- | --- |", *(_line(_cells(row)) for row in rows)]
    click.echo("\n".join(lines))


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
