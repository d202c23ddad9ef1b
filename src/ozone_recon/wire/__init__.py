"""Byte formats, sans-I/O: protobuf fields, RocksDB's files and batches. Bytes in, records out."""
