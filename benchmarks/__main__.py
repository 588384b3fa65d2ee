"""`python -m benchmarks [--markdown] [names…]`: runs benchmarks and prints a table of ratios."""

import time
from collections.abc import Callable, Iterator

import click
from rich.console import Console
from rich.table import Table

from benchmarks import (
    asset_creation,
    attendance,
    attendance_push,
    attendance_round,
    audit,
    authentication,
    comparison,
    concurrent_creation,
    crm,
    flood,
    holder_lookup,
    imports_exports,
    label_batch,
    label_stream,
    labels,
    machine,
    next_tag,
    notifications,
    password_guessing,
    stock,
    students,
    sweep,
    tags,
    ticket_taps,
    tickets,
    tickets_stock,
    webhook,
    workdays,
    workdays_lists,
)
from benchmarks.report import Row, say
from tests.services.request_tracker import NOT_INSTALLED, installed

Benchmark = Callable[[], Iterator[Row]]
BENCHMARKS: dict[str, Benchmark] = {
    "labels": labels.measure,
    "tags": tags.measure,
    "next-tag": next_tag.measure,
    "flood": flood.measure,
    "authentication": authentication.measure,
    "password-guessing": password_guessing.measure,
    "audit": audit.measure,
    "comparison": comparison.measure,
    "students": students.measure,
    "notifications": notifications.measure,
    "stock": stock.measure,
    "ticket-taps": ticket_taps.measure,
    "tickets-stock": tickets_stock.measure,
    "tickets": tickets.measure,
    "imports-exports": imports_exports.measure,
    "label-batch": label_batch.measure,
    "label-stream": label_stream.measure,
    "attendance": attendance.measure,
    "attendance-round": attendance_round.measure,
    "attendance-push": attendance_push.measure,
    "crm": crm.measure,
    "workdays": workdays.measure,
    "workdays-lists": workdays_lists.measure,
    "webhook": webhook.measure,
    "sweep": sweep.measure,
    "asset-creation": asset_creation.measure,
    "concurrent-creation": concurrent_creation.measure,
    "holder-lookup": holder_lookup.measure,
}
NEED_REQUEST_TRACKER: dict[str, list[Row]] = {
    "label-batch": label_batch.NOT_RUN,
    "label-stream": label_stream.NOT_RUN,
    "webhook": webhook.NOT_RUN,
    "sweep": sweep.NOT_RUN,
    "asset-creation": asset_creation.NOT_RUN,
    "concurrent-creation": concurrent_creation.NOT_RUN,
    "holder-lookup": holder_lookup.NOT_RUN,
}
HEADINGS = ("Benchmark", "Ratio", "Target", "Result", "Details")


@click.command()
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
def main(names: tuple[str, ...], markdown: bool) -> None:
    """Run all benchmarks, or those in NAMES, and compare their ratios with the targets. A missed target is not an error."""
    facts = machine.facts()
    rows = [row for name in names or BENCHMARKS for row in _rows(name)]
    (_markdown if markdown else _plain)(facts, rows)


def _rows(name: str) -> list[Row]:
    if name in NEED_REQUEST_TRACKER and not installed():
        say(f"{name}: {NOT_INSTALLED}")
        return NEED_REQUEST_TRACKER[name]
    say(f"{name} …")
    started, rows = time.monotonic(), []
    for row in BENCHMARKS[name]():
        say(f"{row.name}: {row.ratio}, {row.result}")  # also seen if a later benchmark fails
        rows.append(row)
    say(f"{name}: {time.monotonic() - started:.0f} s")
    return rows


def _cells(row: Row) -> tuple[str, ...]:
    return row.name, row.ratio, row.target_text, row.result, row.detail


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
    lines += ["", _table_row(HEADINGS), "| --- | ---: | ---: | --- | --- |", *(_table_row(_cells(row)) for row in rows)]
    click.echo("\n".join(lines))


def _table_row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
