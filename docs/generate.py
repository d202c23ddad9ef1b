"""Writes the reference pages that are made from the code: `python docs/generate.py`. A test holds them equal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ozone_recon.config.keys import KEYS, Key

CONFIGURATION = """\
# Configuration

Settings are looked for in this order; the first place that has one decides:

1. the command line: `--data-dir`, `--port`, or any key as `-D KEY=VALUE`
2. the environment: `OZONE-SITE.XML_ozone.recon.db.dir=/data` as in Ozone's container images, or for a key of the
   tables below in upper case, with an underscore for everything else: `OZONE_RECON_DB_DIR=/data`
3. `ozone-site.xml`, then `core-site.xml`, in the directory that `--conf-dir` or `OZONE_CONF_DIR` names. A property of
   `core-site.xml` that is `final` stays. `${other.key}`, `${env.NAME}`, `${env.NAME:-otherwise}`, `${user.name}`,
   `${user.home}` and `${java.io.tmpdir}` are replaced, as Hadoop does
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
    node = f" With OM HA one for each node: `{key.name}.<service id>.<node id>`." if key.per_node else ""
    older = f" Older: {', '.join(f'`{name}`' for name in key.older)}." if key.older else ""
    kind = key.kind.allowed if key.kind.name == "word" else key.kind.name
    return f"| `{key.name}` | {kind} | {f'`{key.default}`' if key.default else ''} | {key.meaning}{node}{older} |"


PAGES: dict[str, Callable[[], str]] = {"configuration.md": configuration}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (Path(__file__).parent / name).write_text(page())
