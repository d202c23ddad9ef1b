import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.conftest import SAMPLE

from ozone_recon.cli.commands.namespace import ORDERS
from ozone_recon.cli.main import main
from ozone_recon.insights.namespace.listing import SortOrder
from ozone_recon.store.data_directory import DataDirectory

Run = Callable[..., Result]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def data_dir(sample_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("data")
    done = run("open", sample_checkpoint, "--data-dir", directory, "--no-serve")
    assert done.exit_code == 0, done.stderr
    assert "sequence number" in done.stdout
    return directory


def asked(data_dir: Path, *arguments: str) -> Any:
    done = run(*arguments, "--data-dir", data_dir, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def lines(data_dir: Path, *arguments: str) -> list[str]:
    done = run(*arguments, "--data-dir", data_dir)
    assert done.exit_code == 0, done.stderr
    return done.stdout.splitlines()


def test_du_shows_what_its_json_says(data_dir: Path) -> None:
    answer = asked(data_dir, "du", "/")
    heading, *rows = lines(data_dir, "du", "/")
    assert heading.split() == ["SIZE", "WITH", "REPLICAS", "FILES", "LAST", "WRITE", "OWNER", "PATH"]
    assert {row.split()[-1] for row in rows[: len(answer["subPaths"])]} == {
        f"{sub['path']}/" for sub in answer["subPaths"]
    }
    assert rows[-2].startswith("/: ")
    assert "at sequence number" in rows[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["du", "/vol1"],
        ["du", "/vol1/fso", "--files", "--sort", "name"],
        ["summary", "/"],
        ["summary", "/vol1/obs"],
        ["quota", "/vol1"],
        ["file-sizes", "/"],
        ["owners", "/"],
        ["ages", "/vol1/fso"],
        ["containers"],
        ["containers", "--limit", "1"],
        ["keys", "1"],
        ["keys", "1", "--limit", "2"],
        ["keys", "/vol1/obs"],
        ["keys", "/vol1/fso"],
        ["volumes"],
        ["buckets"],
        ["buckets", "vol1", "--limit", "1"],
        ["open-keys"],
        ["open-keys", "/vol1/obs"],
        ["pending"],
        ["pending", "--dirs"],
        ["status"],
    ],
    ids=" ".join,
)
def test_every_question_has_an_answer_for_people_and_one_for_programs(data_dir: Path, arguments: list[str]) -> None:
    assert asked(data_dir, *arguments)
    assert len(lines(data_dir, *arguments)) > 2


def test_pages_lead_to_each_other(data_dir: Path) -> None:
    whole = [row["CompletePath"] for row in asked(data_dir, "keys", "1")["keys"]]
    paged: list[str] = []
    after = ""
    while page := asked(data_dir, "keys", "1", "--limit", "7", "--after", after)["keys"]:
        paged += [row["CompletePath"] for row in page]
        after = asked(data_dir, "keys", "1", "--limit", "7", "--after", after)["lastKey"]
    assert paged == whole
    assert any(
        "There may be more: continue with --after" in line for line in lines(data_dir, "keys", "1", "--limit", "7")
    )


def test_any_route_may_be_asked(data_dir: Path) -> None:
    assert asked(data_dir, "ask", "/volumes", "limit=1")["totalCount"] == 1
    assert json.loads(run("ask", "volumes", "limit=1", "--data-dir", data_dir).stdout)["totalCount"] == 1
    assert run("ask", "/volumes", "limit", "--data-dir", data_dir).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["du", "/no/such/path"], 3, "nothing at /no/such/path"),
        (["ask", "/no/such/route"], 3, "/api/v1/no/such/route does not exist"),
        (["keys", "/vol1"], 2, "bucket"),
        (["keys", "99999"], 3, "no key has a block in container 99999"),
        (["owners", "/no/such/path"], 3, "nothing at /no/such/path"),
        (["ages", "/no/such/path"], 3, "nothing at /no/such/path"),
    ],
)
def test_what_is_not_there_is_told_by_the_code(data_dir: Path, arguments: list[str], code: int, told: str) -> None:
    done = run(*arguments, "--data-dir", data_dir)
    assert (done.exit_code, done.stdout) == (code, "")
    assert told in done.stderr


def test_questions_are_answered_while_a_server_holds_the_data_and_a_second_builder_is_refused(data_dir: Path) -> None:
    with DataDirectory.lock(data_dir):
        assert asked(data_dir, "volumes")["totalCount"] > 1
        refused = run("open", SAMPLE, "--data-dir", data_dir, "--no-serve")
    assert refused.exit_code == 5
    assert f"in use by process {os.getpid()}" in refused.stderr


def test_what_was_built_is_reused(data_dir: Path, sample_checkpoint: Path) -> None:
    before = (data_dir / "CURRENT").read_text()
    assert run("open", sample_checkpoint, "--data-dir", data_dir, "--no-serve").exit_code == 0
    assert (data_dir / "CURRENT").read_text() == before


def test_a_tar_is_asked_without_leaving_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    done = run("volumes", "--checkpoint", SAMPLE, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["totalCount"] > 1
    assert "Built a generation at sequence number" in done.stderr
    assert os.listdir(tmp_path) == []


def test_a_pipe_may_be_asked(tmp_path: Path) -> None:
    with SAMPLE.open("rb") as tar:
        done = subprocess.run(
            [sys.executable, "-m", "ozone_recon", "containers", "--checkpoint", "-", "--data-dir", tmp_path],
            stdin=tar,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("CONTAINER")
    assert run("containers", "--data-dir", tmp_path).exit_code == 0


def test_a_checkpoint_that_is_none_is_told_by_the_code(tmp_path: Path) -> None:
    done = run("du", "--checkpoint", tmp_path)
    assert done.exit_code == 6
    assert "not an OM checkpoint" in done.stderr
    torn = tmp_path / "torn.tar.gz"
    torn.write_bytes(SAMPLE.read_bytes()[:-1000])
    done = run("du", "--checkpoint", torn, "--data-dir", tmp_path / "data")
    assert done.exit_code == 6
    assert "truncated or damaged" in done.stderr
    assert run("du", "--data-dir", tmp_path / "data").exit_code == 4


def test_settings_that_cannot_be_are_told_by_the_code(tmp_path: Path) -> None:
    assert run("du").exit_code == 2
    assert run("open", SAMPLE, "--no-serve").exit_code == 2
    assert run("open", SAMPLE, "--data-dir", tmp_path, "-D", "ozone.recon.rebuild.memory.limit").exit_code == 2
    done = run("open", SAMPLE, "--data-dir", tmp_path, "-D", "ozone.recon.rebuild.memory.limit=much")
    assert done.exit_code == 2
    assert "ozone.recon.rebuild.memory.limit = 'much' (in the command line) is not a valid size" in done.stderr


def test_a_server_that_is_not_there_is_told_by_the_code() -> None:
    done = run("volumes", "--server", "http://127.0.0.1:1")
    assert done.exit_code == 6
    assert "Is a server running there?" in done.stderr


def test_a_reader_that_has_read_enough_is_no_error(data_dir: Path) -> None:
    for question, first in (("keys 1 --json", "{\n"), ("keys /vol1/obs", "")):
        command = f"{sys.executable} -m ozone_recon {question} --data-dir {data_dir} | head -1"
        done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(first)
        assert done.stdout.count("\n") == 1


def test_the_parent_of_an_om_db_and_an_operators_tar_are_taken(sample_checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(sample_checkpoint, tmp_path / "metadata" / "om.db")
    assert run("volumes", "--checkpoint", tmp_path / "metadata").exit_code == 0
    with tarfile.open(tmp_path / "customer.tar", "w") as tar:
        tar.add(tmp_path / "metadata" / "om.db", "om.db")
    assert run("volumes", "--checkpoint", tmp_path / "customer.tar").exit_code == 0


def test_du_orders_all_and_says_what_it_leaves_out(data_dir: Path) -> None:
    assert [str(order) for order in SortOrder] == list(ORDERS)
    arguments = ("du", "/vol1/obs", "--files")
    whole = asked(data_dir, *arguments, "--limit", "1000")
    assert len(whole["subPaths"]) == whole["subPathCount"] > 50
    for order, field in zip(ORDERS, ("size", "sizeWithReplica", "files", "newestModification", "path"), strict=True):
        for flags in ((), ("--reverse",)):
            page = asked(data_dir, *arguments, "--sort", order, *flags)["subPaths"]
            values = sorted((row[field] for row in whole["subPaths"]), reverse=(order == "name") == bool(flags))
            assert [row[field] for row in page] == values[:50], (order, flags)
    assert f"{whole['subPathCount'] - 50:,} more rows: raise --limit." in lines(data_dir, *arguments)
