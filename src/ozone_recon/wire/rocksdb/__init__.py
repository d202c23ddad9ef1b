"""RocksDB's files, sans-I/O: logs, the MANIFEST and table files (SST)."""
