"""The error with which a simulated cluster refuses."""

from ozone_recon.errors import ReconError


class Refused(ReconError):
    """What is not done: what is to be changed is not there, or there is no room or no datanode for it."""
