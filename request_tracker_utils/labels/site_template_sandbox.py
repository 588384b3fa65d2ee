"""Renders a site's label template in a sandboxed process.

`site_template` runs this file as `python -I`, with an empty environment. It reads JSON lines from standard input: first the template and
the limits, answered with `{}` or an error; then the variables of one label per line, answered with `{"html": …}` or an error. An error is
`{"error": reason, "line": of the template or null}`. Once the limits are set, the process can open no file, connection or process.
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


def set_limits(memory: int, seconds: int) -> None:
    """Limits the address space in bytes and the CPU time in seconds, and forbids new files, connections and processes."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_NOFILE, (STANDARD_STREAMS, STANDARD_STREAMS))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def compile_template(source: str) -> Template:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
    environment.globals.pop("lipsum")  # it reads its words from a file
    return environment.from_string(source)


def render(template: Template, variables: dict[str, Any], max_length: int) -> dict[str, Any]:
    html = template.render(variables)
    if len(html) > max_length:
        return {"error": f"it produces more than {max_length // 1024} KB for one label", "line": None}
    return {"html": html}


def describe_error(error: Exception) -> dict[str, Any]:
    """The reason, and the line of the template."""
    if isinstance(error, TemplateSyntaxError):
        return {"error": error.message, "line": error.lineno}
    reason = str(error)
    if isinstance(error, MemoryError):
        reason = "it needs too much memory"
    elif isinstance(error, RecursionError):
        reason = "it is nested too deeply, or a macro calls itself"
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == "<template>"]
    return {"error": reason or type(error).__name__, "line": lines[-1] if lines else None}


def main() -> None:
    setup = json.loads(sys.stdin.readline())
    compile_template("{{ 'imports what Jinja loads lazily' }}").render()
    set_limits(setup["memory"], setup["seconds"])
    try:
        template = compile_template(setup["source"])
    except Exception as error:  # noqa: BLE001 — every failure of a template is an answer
        respond(describe_error(error))
        return
    respond({})
    for line in sys.stdin:
        try:
            response = render(template, json.loads(line), setup["max_length"])
        except Exception as error:  # noqa: BLE001 — as above
            response = describe_error(error)
        respond(response)


def respond(response: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(response) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
