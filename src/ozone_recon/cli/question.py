"""The decorator of commands that query the API: adds the data options and `--json`, and prints the result."""

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
Data sources:
  --data-dir DIR     data built by `serve` or `open`, also while a server is running on it
  --checkpoint PATH  an om.db directory, or a tar of one (.tar, .tar.gz, .tar.zst; - reads standard
                     input): built first, in --data-dir if given, else in a temporary directory
  --server URL       a running server; if it asks for a Kerberos login, run `kinit` first
The default is the data directory of the configuration."""
"""The end of each such command's help."""


def question(*examples: str) -> Callable[[Callable[..., Sheet]], Callable[..., None]]:
    """Wraps a function that takes an AnswerSource and its own options and returns a Sheet as a click command."""

    def decorate(ask: Callable[..., Sheet]) -> Callable[..., None]:
        @click.option("--data-dir", type=_PATH, metavar="DIR", help="Data directory to query.")
        @click.option("--checkpoint", type=_PATH, metavar="PATH", help="OM checkpoint to query: a directory or a tar.")
        @click.option("--server", metavar="URL", envvar="OZONE_RECON_SERVER", help="Running server to query.")
        @click.option(
            "--ca", type=_PATH, metavar="FILE", envvar="OZONE_RECON_CA", help="CAs to trust for https, as PEM."
        )
        @click.option("--conf-dir", type=_PATH, metavar="DIR", help="Directory of ozone-site.xml.")
        @click.option("--json", "as_json", is_flag=True, help="Print the API's answer as JSON.")
        @functools.wraps(ask)
        def command(**options: Any) -> None:
            as_json = options.pop("as_json")
            names = ("data_dir", "checkpoint", "server", "ca", "conf_dir")
            data = DataOptions(**{name: options.pop(name) for name in names})
            if data.server and (data.data_dir or data.checkpoint):
                raise click.UsageError("--server cannot be combined with --data-dir or --checkpoint")
            with answers(data) as source:
                sheet = ask(source, **options)
                with _ignore_closed_pipe():
                    show(replace(sheet, notes=(*sheet.notes, *_freshness(source))), as_json=as_json)

        lines = "\n".join(f"  ozone-recon {example}" for example in examples)
        command.__doc__ = f"{inspect.getdoc(ask)}\n\n\b\n{lines}\n\n{WHERE}"
        return command

    return decorate


@contextmanager
def _ignore_closed_pipe() -> Iterator[None]:
    """Ignores a reader that closes the pipe early, such as `| head`."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # The rest of the buffer would be flushed, and fail again, at exit.
        with open(os.devnull, "w") as null:
            os.dup2(null.fileno(), sys.stdout.fileno())


def _freshness(source: AnswerSource) -> list[str]:
    if source.sequence_number is None or source.age is None:
        return []
    age = timedelta(seconds=source.age // 1000)
    return [f"OM data is {age} old, at sequence number {source.sequence_number:,}."]
