"""Captures the delta responses of a real OM, with a checkpoint before and one after.

    .venv/bin/python -m tools.capture.deltas [--out tests/data/om-deltas.tar.xz]

Starts OM, SCM and three datanodes, fills buckets of all layouts, takes a checkpoint, changes the content in every way
(puts, overwrites, renames, deletes, multipart uploads, hsync, snapshots, quotas, ACLs; OM's deletion services run),
requests all changes, and takes another checkpoint. Writes `before/`, `after/` and `answers/` (the OMResponses in order)
into one tar.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.capture.sample import HERE, get
from tools.cluster.real import RealCluster

from ozone_recon.config.connections import RpcSettings
from ozone_recon.sources.hadoop_rpc.client import RpcGroup
from ozone_recon.sources.om_deltas import OmDeltas
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint
from ozone_recon.wire.rocksdb.manifest import read_manifest

CHECKPOINT: Final = "http://localhost:9874/dbCheckpoint"
LIMIT: Final = 60
"""Low, so that there are several responses."""
OFS: Final = "ofs://localhost:9862/vol1"
AWAKE: Final = ("ozone.directory.deleting.service.interval", "ozone.block.deleting.service.interval")
BEFORE: Final = f"""\
sh volume create /vol1
sh volume create /leaves
sh bucket create /vol1/obs --layout OBJECT_STORE
sh bucket create /vol1/fso --layout FILE_SYSTEM_OPTIMIZED
sh bucket create /vol1/legacy --layout LEGACY
sh key put /vol1/obs/stays PAYLOAD
sh key put /vol1/obs/deleted PAYLOAD
sh key put /vol1/obs/overwritten PAYLOAD
sh key put /vol1/obs/renamed PAYLOAD
sh key put /vol1/legacy/deleted PAYLOAD
fs -mkdir -p {OFS}/fso/a/b {OFS}/fso/tree/inner {OFS}/legacy/l1/l2
fs -put PAYLOAD {OFS}/fso/a/stays
fs -put PAYLOAD {OFS}/fso/a/b/overwritten
fs -put PAYLOAD {OFS}/fso/tree/inner/deleted
fs -put PAYLOAD {OFS}/legacy/l1/l2/moved
"""
BETWEEN: Final = f"""\
sh volume create /vol2 --user alice
sh volume update --user bob /vol2
sh bucket create /vol2/obs --layout OBJECT_STORE
sh key put /vol2/obs/new PAYLOAD
sh key delete /vol2/obs/new
sh bucket delete /vol2/obs
sh volume delete /leaves
sh bucket setquota /vol1/fso --space-quota 10GB
sh bucket addacl --acl user:carol:rw[ACCESS] /vol1/obs
sh prefix setacl --acl user:erin:rl[ACCESS] /vol1/obs/dir/
sh snapshot create /vol1/fso snap-fso
sh snapshot create /vol1/obs snap-obs
sh key put /vol1/obs/new PAYLOAD
sh key put /vol1/obs/overwritten PAYLOAD
sh key rename /vol1/obs renamed renamed-now
sh key delete /vol1/obs/deleted
sh key delete /vol1/legacy/deleted
fs -put PAYLOAD {OFS}/fso/a/new
fs -put -f PAYLOAD {OFS}/fso/a/b/overwritten
fs -mv {OFS}/fso/a/b {OFS}/fso/moved
fs -mv {OFS}/fso/a/stays {OFS}/fso/moved/file
fs -rm -r -skipTrash {OFS}/fso/tree
fs -mv {OFS}/legacy/l1 {OFS}/legacy/moved
fs -rm -r -skipTrash {OFS}/legacy/moved
freon ockg -n 30 -t 2 -s 100 -v vol1 -b obs -p many/part
sh snapshot create /vol1/fso snap-later
sh snapshot delete /vol1/fso snap-fso
mpu vol1 obs upload 1
mpu vol1 fso a/upload 0
open vol1 obs open 1000
open vol1 fso a/open 1000
open vol1 legacy open 1000
"""


@dataclass(frozen=True, slots=True)
class Deltas:
    """Two unpacked checkpoints, and the OMResponses with the changes between them."""

    before: Path
    after: Path
    answers: list[bytes]

    def pack(self, path: Path) -> None:
        """Writes everything into one tar."""
        with tarfile.open(path, "w:xz") as tar:
            for directory in (self.before, self.after):
                tar.add(directory, directory.name)
            for number, answer in enumerate(self.answers):
                entry = tarfile.TarInfo(f"answers/{number:03}")
                entry.size = len(answer)
                tar.addfile(entry, io.BytesIO(answer))

    @classmethod
    def unpack(cls, path: Path, place: Path) -> Deltas:
        """Unpacks a tar of `pack` below `place`."""
        with tarfile.open(path) as tar:
            tar.extractall(place, filter="data")
        answers = sorted((place / "answers").iterdir())
        return cls(place / "before", place / "after", [answer.read_bytes() for answer in answers])


def families_of(checkpoint: Path) -> dict[int, str]:
    """Column family id → name in a checkpoint."""
    manifest = read_manifest((checkpoint / (checkpoint / "CURRENT").read_text().strip()).read_bytes())
    return {family.id: family.name for family in manifest.families.values()}


def sequence_of(checkpoint: Path) -> int:
    """The sequence number of a checkpoint."""
    with Checkpoint.open(checkpoint) as opened:
        return opened.sequence_number


def take_checkpoint(place: Path) -> Path:
    """Fetches and unpacks OM's checkpoint."""
    status, _, body = get(CHECKPOINT)
    if status != 200:
        sys.exit(f"{CHECKPOINT} answers {status}")
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        tar.extractall(place, filter="data")
    return place


async def ask(after: int, families: Mapping[int, str], limit: int) -> tuple[int, list[bytes]]:
    """The last sequence number of OM's responses, and the responses."""
    answers: list[bytes] = []
    group = RpcGroup({"": "localhost:9862"}, RpcSettings("recon"))

    async def call(protocol: str, method: str, request: bytes) -> tuple[str, bytes]:
        node, answer = await group.call_leader(protocol, method, request)
        answers.append(answer)
        return node, answer

    last = after
    async for delta in OmDeltas(call, limit, 0).since(after, "", families):
        last = delta.changes.last_sequence
    await group.close()
    return last, answers


def start(cluster: RealCluster) -> None:
    """Starts OM with busy deletion services, SCM and three datanodes."""
    cluster("up", "--datanodes", "3", *(f"--set=om:{key}=3s" for key in AWAKE))


def capture(cluster: RealCluster, place: Path) -> Deltas:
    """Changes the content of a cluster started by `start`; unpacks checkpoints below `place`."""
    file = place / "file"
    file.write_bytes(bytes(100))
    cluster.shell(["sleep 15", *BEFORE.replace("PAYLOAD", str(file)).splitlines()])
    before = take_checkpoint(place / "before")
    cluster.shell(BETWEEN.replace("PAYLOAD", str(file)).splitlines())
    cluster.java(HERE / "DeltaKeys.java")
    cluster.shell(["sleep 10"])
    for attempt in range(20):
        last, answers = asyncio.run(ask(sequence_of(before), families_of(before), LIMIT))
        after = take_checkpoint(place / f"after-{attempt}")
        if sequence_of(after) == last:
            return Deltas(before, after.rename(place / "after"), answers)
    sys.exit("OM keeps changing: no stable sequence number to capture at")


def main() -> None:
    """Captures and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("tests") / "data" / "om-deltas.tar.xz")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        cluster = RealCluster(Path(home) / "ozone")
        try:
            start(cluster)
            capture(cluster, Path(home)).pack(options.out)
        finally:
            cluster("down", "--wipe")


if __name__ == "__main__":
    main()
