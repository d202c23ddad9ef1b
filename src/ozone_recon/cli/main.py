"""The command line's entry point: registers the commands and turns errors into a message and an exit code.

Heavy modules are imported only when a command runs, so that help and completion respond at once.
"""

from __future__ import annotations

import os
from typing import Final

import click

from ozone_recon import __version__
from ozone_recon.cli.commands import cluster, demo, listing, namespace, serving, shells, state
from ozone_recon.cli.exits import EXITS, exit_code
from ozone_recon.errors import ReconError

# NumPy's BLAS would start busy-waiting threads, and no matrix is multiplied here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class CommandGroup(click.Group):
    """The group of all commands; reports a ReconError as one line on standard error and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Lists the commands in the order of registration, so that help starts with the ones a newcomer needs."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> None:
        """Runs the command."""
        try:
            super().invoke(ctx)
        except ReconError as error:
            click.echo(f"ozone-recon: {error}", err=True)
            ctx.exit(exit_code(error))
        except KeyboardInterrupt:
            ctx.exit(130)
        except OSError as error:
            click.echo(f"ozone-recon: {error}", err=True)
            ctx.exit(1)


_HELP: Final = """Recon for Apache Ozone: reads an Ozone Manager's database and reports on its contents.

\b
From a checkpoint, without a cluster:
  ozone-recon open om.db.tar.gz --data-dir DIR     build and serve on http://127.0.0.1:9888
  ozone-recon du /vol1 --data-dir DIR              query the data, with or without a server
  ozone-recon status --checkpoint om.db.tar.gz     build temporarily and query

\b
With a cluster:
  ozone-recon serve --conf-dir /etc/ozone --data-dir DIR
  ozone-recon keys 42 --server http://recon:9888 --json
"""
_CODES: Final = "\b\nExit codes:\n" + "\n".join(f"  {code:<5}{meaning}" for code, meaning in EXITS.items())


@click.group(
    cls=CommandGroup,
    help=_HELP,
    epilog=_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="ozone-recon")
def main() -> None:
    """Runs one command."""


for command in (
    *serving.COMMANDS,
    *demo.COMMANDS,
    *namespace.COMMANDS,
    *listing.COMMANDS,
    *cluster.COMMANDS,
    *state.COMMANDS,
    *shells.COMMANDS,
):
    main.add_command(command)
