"""Makes the sample: the checkpoint of a real OM, and Java Recon's responses about it.

    .venv/bin/python -m tools.capture.sample [--out tests/data]

Starts OM, SCM, five datanodes and Java Recon, runs `sample_commands.txt` and `SampleKeys.java`, and writes, all at one
sequence number: `sample-om.tar.gz`, the response of OM's /dbCheckpoint; `java-answers.jsonl`, Recon's responses to
`sample_requests.txt`; `om-answers.json`, OM's own answers. OM's deletion services are off, so that deleted rows stay
pending.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import shlex
import shutil
import socket
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from tools.cluster.real import RealCluster
from tools.cluster.site import Site

from ozone_recon.sources.rocksdb.checkpoint import Checkpoint

HERE = Path(__file__).resolve().parent
MIB = 1 << 20
FILES = {str(n): n for n in (0, 12, 100, 1023, 1024, 1025, 2000, 2047)} | {f"{n}M": n * MIB for n in (3, 4, 20, 40)}
ODD_NAMES = [
    "with space",
    "per%20cent",
    "plus+",
    'quo"te',
    "naïve-日本語",
    "smile-😀",
    "a&b=c?d#e",
    "~tilde",
    "x" * 200,
]
ASLEEP = [
    "ozone.directory.deleting.service.interval",
    "ozone.block.deleting.service.interval",
    "ozone.snapshot.deleting.service.interval",
    "ozone.om.open.key.cleanup.service.interval",
]
OM_TASKS = ("ContainerKeyMapper", "FileSizeCount", "NSSummary", "OmTableInsight", "OmDeltaRequest")


def start(cluster: RealCluster) -> None:
    """Starts OM with its deletion services off, five datanodes and Java Recon."""
    cluster("up", "--datanodes", "5", "--recon", *(f"--set=om:{key}=10h" for key in ASLEEP))
    time.sleep(25)  # for the pipelines, EC's above all


def fill(cluster: RealCluster) -> None:
    """Runs the commands, in an Ozone shell for each run of commands of one user, and SampleKeys.java."""
    with tempfile.TemporaryDirectory() as directory:
        files = Path(directory)
        for name, size in FILES.items():
            (files / name).write_bytes(bytes(size))
        (files / "odd").mkdir()
        for name in ODD_NAMES:
            (files / "odd" / name).write_bytes(name.encode())
        user, sessions = "root", []
        for line in (HERE / "sample_commands.txt").read_text().splitlines():
            if line.startswith("user "):
                user = line.split()[1]
            elif line and not line.startswith("#"):
                sessions.append((user, one_line([w.replace("FILES", directory) for w in shlex.split(line)], files)))
        for user, lines in groupby(sessions, key=lambda session: session[0]):
            cluster.shell([line for _, line in lines], user)
    cluster.java(HERE / "SampleKeys.java")


def one_line(words: list[str], files: Path) -> str:
    """A command as Shell.java reads it; words with spaces or quotes go through an argument file, which `sh` has."""
    if words[0] != "sh" or not any(set(word) & set(" \"'\\") for word in words):
        return " ".join(words)
    arguments = Path(tempfile.mkstemp(dir=files)[1])
    arguments.write_text("".join(f"{json.dumps(word, ensure_ascii=False)}\n" for word in words[1:]))
    return f"sh @{arguments}"


def get(url: str) -> tuple[int, str, bytes]:
    """Status, content type and body of a GET, whatever the status."""
    try:
        with urllib.request.urlopen(url, timeout=120) as answer:
            return answer.status, answer.headers.get("Content-Type", ""), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Content-Type", ""), error.read()


def index_afresh(cluster: RealCluster, recon: str) -> int:
    """Lets Java Recon index the whole OM database at once, because only then its numbers do not drift.

    Returns the sequence number that it has indexed.
    """
    cluster("stop", "recon")
    for part in ("db", "om", "scm", "meta"):
        shutil.rmtree(cluster.home / "recon" / part, ignore_errors=True)
    cluster("start", "recon")
    numbers: set[int] = set()
    for _ in range(150):
        time.sleep(2)
        try:
            status, _, body = get(f"{recon}/api/v1/task/status")
        except OSError:
            continue
        rows = json.loads(body) if status == 200 else []
        found = [row["lastUpdatedSeqNumber"] for row in rows if row["taskName"].startswith(OM_TASKS)]
        numbers = set(found)
        if len(found) == 7 and len(numbers) == 1 and 0 not in numbers:
            time.sleep(30)  # for the tasks that read SCM and the datanodes
            return numbers.pop()
    sys.exit(f"Recon did not index the OM database: its tasks are at {numbers}")


def sequence_number(tar: bytes) -> int:
    """The sequence number of the database in a checkpoint's tar."""
    with tempfile.TemporaryDirectory() as directory:
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            archive.extractall(directory, filter="data")
        with Checkpoint.open(Path(directory)) as checkpoint:
            for name in sorted(checkpoint.column_families):
                print(f"{sum(checkpoint.scan(name, len)):6} {name}")
            return checkpoint.sequence_number


def requests() -> Iterator[tuple[str, bool]]:
    """The paths to request, and whether to request their next pages."""
    for line in (HERE / "sample_requests.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            for path in expand(line.removeprefix("pages ")):
                yield path, line.startswith("pages ")


def expand(text: str) -> Iterator[str]:
    """Brace expansion as in bash, without nesting."""
    found = re.search(r"\{([^}]*)\}", text)
    if not found:
        yield text
        return
    bounds = re.fullmatch(r"(\d+)\.\.(\d+)", found[1])
    parts = [str(n) for n in range(int(bounds[1]), int(bounds[2]) + 1)] if bounds else found[1].split(",")
    for part in parts:
        yield from expand(text[: found.start()] + part + text[found.end() :])


def ask(recon: str) -> Iterator[dict[str, object]]:
    """Recon's responses in the order of the requests."""
    host = re.compile(rf"\b{re.escape(socket.gethostname())}\b")
    asked = set()
    for first, pages in requests():
        path = first
        while path not in asked:
            asked.add(path)
            status, content_type, body = get(f"{recon}/api/v1{path}")
            text = host.sub("localhost", body.decode())
            yield {"path": path, "status": status, "content_type": content_type, "body": text}
            if not pages or status != 200 or not json.loads(text).get("lastKey"):
                break
            cursor = urllib.parse.quote(json.loads(text)["lastKey"], safe="/")
            path = f"{first}&prevKey={cursor}"


def ask_om(cluster: RealCluster) -> dict[str, Any]:
    """OM's answers about volumes, buckets, keys, snapshots and open files, by command."""

    def answers(commands: list[str]) -> dict[str, Any]:
        return {c: json.loads(a or "[]") for c, a in zip(commands, cluster.shell(commands), strict=True)}

    every = "sh volume list --all"
    said = answers([every])
    volumes = [row["name"] for row in said[every] if row["name"] != "s3v"]
    lists = answers([f"sh bucket list /{volume}" for volume in volumes])
    names = [
        f"/{row['volumeName']}/{row['name']}" for rows in lists.values() for row in rows if not row.get("sourceBucket")
    ]
    return said | lists | answers([f"sh key list --length 5000 {name}" for name in names])


def main() -> None:
    """Makes the sample."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE.parents[1] / "tests" / "data")
    parser.add_argument("--om", default="http://localhost:9874")
    parser.add_argument("--recon", default="http://localhost:9888")
    parser.add_argument("--running", action="store_true", help="the cluster is up and filled: only save the answers")
    parser.add_argument("--keep", action="store_true", help="leave the cluster running")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    cluster = RealCluster(Site.of_environment().home)
    if not options.running:
        start(cluster)
        fill(cluster)
    indexed = index_afresh(cluster, options.recon)
    status, _, tar = get(f"{options.om}/dbCheckpoint")
    if status != 200 or sequence_number(tar) != indexed:
        sys.exit(f"OM's checkpoint (status {status}) is not the one that Recon indexed, {indexed}")
    (options.out / "sample-om.tar.gz").write_bytes(gzip.compress(tar, 9, mtime=0))
    with (options.out / "java-answers.jsonl").open("w") as out:
        for answer in ask(options.recon):
            out.write(json.dumps(answer, ensure_ascii=False) + "\n")
    (options.out / "om-answers.json").write_text(json.dumps(ask_om(cluster), ensure_ascii=False, indent=1) + "\n")
    if not options.keep:
        cluster("down", "--wipe")


if __name__ == "__main__":
    main()
