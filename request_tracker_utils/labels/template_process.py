"""Fills a site's template for the inside of a label, in a process of its own that can do nothing else.

`own_template` runs this file as `python -I`, without the program's environment. It reads JSON lines: first the template and the
limits, which it answers with `{}` or an error, then a label a line, which it answers with `{"html": …}` or an error. An error is
`{"error": reason, "line": of the template or null}`. Once the limits are set, it can open no file, no connection and no process.
"""

import json
import resource
import sys
from traceback import walk_tb
from typing import Any

import jinja2.debug  # noqa: F401 — needed when a template fails, and no file can be opened by then
from jinja2 import StrictUndefined, Template, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

STANDARD_STREAMS = 3


def limit(memory: int, seconds: int) -> None:
    """Bytes of memory, seconds of the processor; and no new file, connection or process."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_NOFILE, (STANDARD_STREAMS, STANDARD_STREAMS))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def compiled(source: str) -> Template:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
    environment.globals.pop("lipsum")  # its words are in a file
    return environment.from_string(source)


def filled(template: Template, label: dict[str, Any], largest: int) -> dict[str, Any]:
    html = template.render(label)
    if len(html) > largest:
        return {"error": f"it makes more than {largest // 1024} KB for one label", "line": None}
    return {"html": html}


def trouble(error: Exception) -> dict[str, Any]:
    """What went wrong, and in which line of the template."""
    if isinstance(error, TemplateSyntaxError):
        return {"error": error.message, "line": error.lineno}
    reason = str(error)
    if isinstance(error, MemoryError):
        reason = "it needs too much memory"
    elif isinstance(error, RecursionError):
        reason = "it goes too deep; something calls itself"
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == "<template>"]
    return {"error": reason or type(error).__name__, "line": lines[-1] if lines else None}


def main() -> None:
    order = json.loads(sys.stdin.readline())
    compiled("{{ 'what Python loads late' }}").render()
    limit(order["memory"], order["seconds"])
    try:
        template = compiled(order["source"])
    except Exception as error:  # noqa: BLE001 — whatever a template brings about is the answer
        say(trouble(error))
        return
    say({})
    for line in sys.stdin:
        try:
            answer = filled(template, json.loads(line), order["largest"])
        except Exception as error:  # noqa: BLE001 — the same
            answer = trouble(error)
        say(answer)


def say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
