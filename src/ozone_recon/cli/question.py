"""Makes a command of a function that asks the API and lays out the answer: the data's options, `--json`, the age."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from ozone_recon.cli.answers import AnswerSource, DataOptions, answers
from ozone_recon.cli.sheet import Sheet, show

_PATH = click.Path(path_type=Path)

WHERE = """\b
Where the data is:
  --data-dir DIR     what `serve` or `open` has built, also while a server runs on it
  --checkpoint PATH  an om.db directory, or a tar of one (.tar, .tar.gz, .tar.zst; - reads a pipe):
                     built first, into --data-dir when that is given too, else for this once
  --server URL       a running server
Without any of these, the data directory of the configuration."""
"""What the help of each such command ends with."""


def question(*examples: str) -> Callable[[Callable[..., Sheet]], Callable[..., None]]:
    """Makes a click command's function of one that takes the Answers first, then its own options, and gives a Sheet."""

    def made(ask: Callable[..., Sheet]) -> Callable[..., None]:
        @click.option("--data-dir", type=_PATH, metavar="DIR", help="A data directory.")
        @click.option("--checkpoint", type=_PATH, metavar="PATH", help="An OM checkpoint: a directory or a tar.")
        @click.option("--server", metavar="URL", envvar="OZONE_RECON_SERVER", help="A running server.")
        @click.option("--conf-dir", type=_PATH, metavar="DIR", help="The directory of ozone-site.xml.")
        @click.option("--json", "as_json", is_flag=True, help="Print the API's answer as JSON.")
        @functools.wraps(ask)
        def command(**given: Any) -> None:
            as_json = given.pop("as_json")
            data = DataOptions(**{name: given.pop(name) for name in ("data_dir", "checkpoint", "server", "conf_dir")})
            if data.server and (data.data_dir or data.checkpoint):
                raise click.UsageError("--server has its own data: leave out --data-dir and --checkpoint, or --server")
            with answers(data) as asked:
                sheet = ask(asked, **given)
                with _a_reader_that_may_leave():
                    show(replace(sheet, notes=(*sheet.notes, *_freshness(asked))), as_json=as_json)

        lines = "\n".join(f"  ozone-recon {example}" for example in examples)
        command.__doc__ = f"{inspect.getdoc(ask)}\n\n\b\n{lines}\n\n{WHERE}"
        return command

    return made


@contextmanager
def _a_reader_that_may_leave() -> Iterator[None]:
    """Standard output goes to who reads it; `| head` has read enough at some time, and that is no failure."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still in the buffer would be written, and fail, once more when the program ends.
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _freshness(given: AnswerSource) -> list[str]:
    if given.sequence_number is None or given.age is None:
        return []
    age = timedelta(seconds=given.age // 1000)
    return [f"From OM as it was {age} ago, at sequence number {given.sequence_number:,}."]
