"""What is going on, for whoever waits; on standard error, so that the table can be sent to a file."""

import sys


def say(line: str) -> None:
    sys.stderr.write(f"  {line}\n")
    sys.stderr.flush()
