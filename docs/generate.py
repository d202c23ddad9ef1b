"""Writes the reference pages that are made from the code: `python docs/generate.py`. A test holds them equal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from ozone_recon.cli.main import main
from ozone_recon.config.key import Key
from ozone_recon.config.keys import KEYS

CONFIGURATION = """\
# Configuration

Settings are looked for in this order; the first place that has one decides:

1. the command line: `--data-dir`, `--port`, or any key as `-D KEY=VALUE`
2. the environment: `OZONE-SITE.XML_ozone.recon.db.dir=/data` as in Ozone's container images, or for a key of the
   tables below in upper case, with an underscore for everything else: `OZONE_RECON_DB_DIR=/data`
3. `ozone-site.xml`, then `core-site.xml`, in the directory that `--conf-dir` or `OZONE_CONF_DIR` names. A property of
   `core-site.xml` that is `final` stays. `${other.key}`, `${env.NAME}`, `${env.NAME:-otherwise}`, `${user.name}`,
   `${user.home}` and `${java.io.tmpdir}` are replaced, and `<xi:include href="FILE">` with its `<xi:fallback>`
   is read, as Hadoop does: FILE is on this machine, relative to the file that includes it. Entities are refused
4. the default

A value that cannot be what its key needs ends the program with exit code 2, naming the key, the value, where it stands
and what is allowed. Keys that are not in the tables are ignored, so that the cluster's own `ozone-site.xml` can be used
as it is.

| Kind | Written as |
|---|---|
{kinds}

## Keys of Ozone

| Key | Kind | Default | Meaning |
|---|---|---|---|
{theirs}

## Keys of our own

| Key | Kind | Default | Meaning |
|---|---|---|---|
{ours}
"""


def configuration() -> str:
    """The text of docs/configuration.md."""
    kinds = {key.kind.name: key.kind.allowed for key in KEYS}
    tables = {
        "{kinds}": [f"| {name} | {allowed} |" for name, allowed in sorted(kinds.items()) if name != "word"],
        "{theirs}": [_row(key) for key in KEYS if not key.ours],
        "{ours}": [_row(key) for key in KEYS if key.ours],
    }
    page = CONFIGURATION
    for place, rows in tables.items():
        page = page.replace(place, "\n".join(rows))
    return page


def _row(key: Key[object]) -> str:
    node = f" With HA one for each node: `{key.name}.<service id>.<node id>`." if key.per_node else ""
    older = f" Older: {', '.join(f'`{name}`' for name in key.older)}." if key.older else ""
    recon = " Ours alone with `ozone.recon.scmconfig.` before it." if key.of_scm else ""
    kind = key.kind.allowed if key.kind.name == "word" else key.kind.name
    return (
        f"| `{key.name}` | {kind} | {f'`{key.default}`' if key.default else ''} | {key.meaning}{node}{recon}{older} |"
    )


CLI = """\
# Command line

`ozone-recon` (from a clone: `./run`) builds, serves and asks. The commands that ask go through the routes of the
[API](api.md), in this process or on a server, so their `--json` is what the route answers; lines about progress go to
standard error. Where standard output is not a terminal, columns are aligned up to 64 characters, and a
line ends with its last cell.
"""


def cli() -> str:
    """The text of docs/cli.md."""
    root = click.Context(main, info_name="ozone-recon", terminal_width=100, **main.context_settings)
    pages = [CLI, _block(main, root)]
    for name, command in main.commands.items():
        within = click.Context(command, parent=root, info_name=name, terminal_width=100)
        pages += [f"## {name}\n", _block(command, within)]
    return "\n".join(pages)


def _block(command: click.Command, context: click.Context) -> str:
    return f"```\n{command.get_help(context)}\n```\n"


PAGES: dict[str, Callable[[], str]] = {"configuration.md": configuration, "cli.md": cli}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (Path(__file__).parent / name).write_text(page())
