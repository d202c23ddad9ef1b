"""OM's checkpoint comes over a network that breaks: it is whole in the end, or nothing of it is kept."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.faults.proxy import Does, Fault, Side, proxy
from tests.sources.checkpoint.samples import MARKER, files_of, make_database, tar_of
from tests.sources.om_stand_in import Answer, chunked, om, sized

from ozone_recon.config.connections import OmHttp
from ozone_recon.sources.checkpoint import http
from ozone_recon.sources.checkpoint.fetch import from_om

HEAD, BODY = 30, 20_000
BROKEN = "closed connection|is not a tar: empty file|transfer broke|is truncated|[Rr]eset"
REASONS = {
    Does.CUT: BROKEN,
    Does.RESET: BROKEN,
    Does.STALL: r"timed out \(see ozone.recon.om.connection.timeout",
    Does.GARBAGE: r"not an HTTP response: '|more than 100 headers|transfer broke|truncated",
    Does.HUGE: "got more than 65536 bytes|truncated: its last entry",
    Does.DRIP: r"only \d+ bytes received in \d+ s",
}
CASES = [
    *((Fault(does, at=at), True) for does in REASONS for at in (0, HEAD, BODY)),
    *((Fault(does, at=BODY), False) for does in REASONS),
    (Fault(Does.RESET, Side.CLIENT, 20), True),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return files_of(make_database(tmp_path_factory.mktemp("made") / "om.db"))


@pytest.mark.parametrize(("fault", "chunks"), CASES, ids=str)
def test_it_is_whole_in_the_end(
    fault: Fault,
    chunks: bool,
    files: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(http, "SLOW_AFTER", 0.1)
    tar = tar_of(files)
    answer: Answer = chunked(tar) if chunks else sized(tar, len(tar))
    with om(answer, answer) as leader, proxy(leader.address.removeprefix("http://"), fault) as between:
        address = f"http://{between.address}"
        settings = OmHttp((address,), answer_timeout=0.3, read_timeout=0.3, attempts=3, pause=0.01)
        made, _ = from_om(settings, tmp_path, lambda _: None)
    assert files_of(made) == {**files, MARKER: b""}
    assert os.listdir(tmp_path) == [made.name]
    (line,) = caplog.messages
    assert address in line
    assert line.isprintable()
    assert re.search(REASONS[fault.does], line)
    assert line.endswith(": starting attempt 2 of 3 in 0 s")
