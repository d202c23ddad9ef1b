"""The edge: every foreign file and every cluster socket."""
