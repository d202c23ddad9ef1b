"""Lets `python -m ozone_recon` be the command line."""

from ozone_recon.cli.main import main

if __name__ == "__main__":
    main()
