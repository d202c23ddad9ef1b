"""OM routes: namespace, keys, volumes and buckets."""
