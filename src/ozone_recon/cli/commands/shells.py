"""The command `completion`: prints a shell completion script."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

_USE: Final = """\b
  eval "$(ozone-recon completion bash)"      in ~/.bashrc
  eval "$(ozone-recon completion zsh)"       in ~/.zshrc
  ozone-recon completion fish | source       in ~/.config/fish/config.fish"""


@click.command(epilog=_USE)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a shell completion script. Load it as shown below."""
    maker = get_completion_class(shell)
    assert maker is not None
    root = ctx.find_root().command
    click.echo(maker(root, {}, "ozone-recon", "_OZONE_RECON_COMPLETE").source())


COMMANDS = (completion,)
