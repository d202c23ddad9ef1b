"""Defines the error that a simulated cluster raises for a command it cannot carry out."""

from ozone_recon.errors import ReconError


class Refused(ReconError):
    """The command cannot be carried out: the object does not exist, or there is no room or no datanode."""
