"""Plain records of Ozone's entities, under Ozone's names; no I/O."""
