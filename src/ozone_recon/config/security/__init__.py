"""Settings of a secure cluster: Kerberos for RPC and HTTP, TLS, administrators."""
