"""The command line's entry point."""

import click


@click.group()
def main() -> None:
    """Recon for Apache Ozone."""
