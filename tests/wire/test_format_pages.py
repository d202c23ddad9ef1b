"""The examples in docs/formats are real: bytes of the sample, what RocksDB writes, or what SCM has sent."""

from pathlib import Path

import pytest
from rocksdict import Options, Rdict, WriteBatch
from tests.wire.format_pages import example
from tools.capture.scm import LEAVING, read

from ozone_recon.decode.cluster.scm import decode_container_info


@pytest.mark.parametrize(
    ("page", "file", "size"),
    [
        ("rocksdb-log.md", "MANIFEST-000005", 35),
        ("rocksdb-manifest.md", "MANIFEST-000005", 109),
        ("rocksdb-table.md", "000087.sst", 45),
    ],
)
def test_an_example_is_of_the_sample(sample_checkpoint: Path, page: str, file: str, size: int) -> None:
    assert len(example(page)) == size
    assert example(page) in (sample_checkpoint / file).read_bytes()


def test_the_example_of_a_batch_is_what_rocksdb_writes(tmp_path: Path) -> None:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    db = Rdict(str(tmp_path), options, column_families={"table": options})
    batch = WriteBatch(raw_mode=True)
    batch.put(b"#KEY", b"7", db.get_column_family_handle("table"))
    batch.delete(b"old", db.get_column_family_handle("table"))
    db.write(batch)
    (log,) = (file for file in tmp_path.glob("*.log") if file.stat().st_size)
    written = log.read_bytes()
    db.close()
    assert written.endswith(example("rocksdb-write-batch.md"))


def test_the_example_of_a_container_is_what_scm_has_sent() -> None:
    container = example("scm.md")
    answers = read(Path(__file__).parents[1] / "data" / "scm-answers.jsonl")[LEAVING].values()
    assert any(container in answer for answer in answers)
    assert decode_container_info(container).used_bytes == 2_902_848
