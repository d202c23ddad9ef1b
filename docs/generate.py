"""Generates docs/configuration.md and docs/cli.md from the code; a test compares them with the code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from ozone_recon.cli.main import main
from ozone_recon.config.key import Key
from ozone_recon.config.keys import KEYS

CONFIGURATION = """\
# Configuration

Settings are read from these sources; the first one that has a key wins:

1. the command line: `--data-dir`, `--port`, or any key as `-D KEY=VALUE`
2. the environment: `OZONE-SITE.XML_ozone.recon.db.dir=/data`, as in Ozone's container images, or, for a key of the
   tables below, `OZONE_RECON_DB_DIR=/data`: in upper case, with an underscore for every other character
3. `ozone-site.xml`, then `core-site.xml`, in the directory given by `--conf-dir` or `OZONE_CONF_DIR`. A `final`
   property of `core-site.xml` overrides `ozone-site.xml`. As in Hadoop, `${other.key}`, `${env.NAME}`,
   `${env.NAME:-default}`, `${user.name}`, `${user.home}` and `${java.io.tmpdir}` are replaced, and
   `<xi:include href="FILE">` and its `<xi:fallback>` are supported; FILE is a local path, relative to the including
   file. XML entities are refused
4. the default

An invalid value ends the program with exit code 2 and a message with the key, the value, its origin and the allowed
values. Keys that are not in the tables are ignored, so the cluster's own `ozone-site.xml` can be used unchanged.

| Kind | Notation |
|---|---|
{kinds}

## Ozone's keys

| Key | Kind | Default | Meaning |
|---|---|---|---|
{theirs}

## Keys only in this Recon

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
    for placeholder, rows in tables.items():
        page = page.replace(placeholder, "\n".join(rows))
    return page


def _row(key: Key[object]) -> str:
    node = f" With HA, set it per node: `{key.name}.<service id>.<node id>`." if key.per_node else ""
    older = f" Deprecated name: {', '.join(f'`{name}`' for name in key.older)}." if key.older else ""
    recon = " The prefix `ozone.recon.scmconfig.` sets it for Recon only." if key.of_scm else ""
    kind = key.kind.allowed if key.kind.name == "word" else key.kind.name
    return (
        f"| `{key.name}` | {kind} | {f'`{key.default}`' if key.default else ''} | {key.meaning}{node}{recon}{older} |"
    )


CLI = """\
# Command line

`ozone-recon` (from a clone: `./run`) builds the index, serves it, and queries it. Query commands call the routes of the
[API](api.md), in their own process or on a server, so `--json` prints the route's response. Progress goes to standard
error. If standard output is not a terminal, columns are aligned up to 64 characters, without trailing spaces.
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
