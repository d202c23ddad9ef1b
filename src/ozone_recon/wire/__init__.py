"""Byte formats, sans-I/O: protobuf, Hadoop RPC, RocksDB's files and WriteBatches. Bytes in, records out."""
