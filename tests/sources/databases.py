"""Options and readers of RocksDB databases as Ozone writes them."""

from rocksdict import (
    BlockBasedOptions,
    Options,
)

from ozone_recon.columnar.byte_column import Rows


def as_ozone_s() -> Options:
    """Options under which RocksDB writes files in the format of Ozone's."""
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    blocks = BlockBasedOptions()
    blocks.set_format_version(5)
    options.set_block_based_table_factory(blocks)
    options.set_disable_auto_compactions(True)
    return options


def pairs(rows: Rows) -> list[tuple[bytes, bytes]]:
    return list(zip(rows.keys.items(), rows.values.items(), strict=True))
