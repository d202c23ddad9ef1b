import pytest

from ozone_recon.build.progress import Progress
from ozone_recon.cli.progress import ProgressStep, step
from ozone_recon.sources.checkpoint.fetch import Retry, Transfer


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (
            Transfer("om.tar", received=50 << 20, total=200 << 20, seconds=5, file="1.sst", files=1),
            ProgressStep("Unpacking om.tar", "50.0 MB of 200.0 MB (25%) at 10.0 MB/s, 15 s left", 50 << 20, 200 << 20),
        ),
        (
            Transfer("http://om1:9874", received=50 << 20, total=None, seconds=5, file="1.sst", files=1),
            ProgressStep("Unpacking http://om1:9874", "50.0 MB at 10.0 MB/s", 50 << 20, 0),
        ),
        (
            Transfer("om.tar", received=0, total=None, seconds=0, file="", files=0),
            ProgressStep("Unpacking om.tar", "0 B at 0 B/s", 0, 0),
        ),
        (Retry("it broke off", 2, 5, 4.2), ProgressStep("it broke off", "(attempt 2 of 5 in 4 s)", 0, 0)),
        (Progress("keyTable", 0, 0, "rows"), ProgressStep("Building keyTable", "", 0, 0)),
        (Progress("keyTable", 12345, 0, "rows"), ProgressStep("Building keyTable", "12,345 rows", 12345, 0)),
        (
            Progress("keyTable", 12345, 99999, "rows"),
            ProgressStep("Building keyTable", "12,345 of 99,999 rows", 12345, 99999),
        ),
    ],
)
def test_an_event_is_told_in_words(event: Transfer | Retry | Progress, shown: ProgressStep) -> None:
    assert step(event) == shown
