"""RocksDB's WriteBatch, sans-I/O, and the net change of many batches."""
