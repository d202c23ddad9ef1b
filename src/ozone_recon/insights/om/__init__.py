"""OM's other tables: keys, open keys, pending deletion, volumes and buckets."""
