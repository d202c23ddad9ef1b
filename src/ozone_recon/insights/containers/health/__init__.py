"""Container health, evaluated by the rules of SCM's replication manager (Ozone 2.2.0).

`rules` states the rules in plain Python, one function per SCM check: read that first. `rules_kernel` and
`batch_kernel` are the same rules compiled for millions of containers; tests hold the two forms equal. `lists` maps a
health to Recon's lists of unhealthy containers, `build` evaluates a generation, `pages` reads the lists.
"""
