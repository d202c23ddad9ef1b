"""HTTP in, insights out: Recon's REST API v1."""
