"""The pages with a live simulated cluster whose datanodes die and return."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from tests.server.serving import free_port
from tests.ui.watching import column, watched

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass
class Demo:
    """A running `ozone-recon demo`."""

    address: str
    process: subprocess.Popen[str]

    def happens(self, *commands: str) -> None:
        """Has this happen now."""
        assert self.process.stdin
        self.process.stdin.writelines(f"{command}\n" for command in commands)
        self.process.stdin.flush()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    script = tmp_path / "day.txt"
    script.write_text("00:00 load warehouse/events 1800 over 24\n")
    command = [sys.executable, "-m", "ozone_recon", "demo", "--dir", str(tmp_path / "demo"), "--port", str(free_port())]
    command += ["--recon-port", str(free_port()), "--keys", "2000", "--day", "60", "--script", str(script)]
    addresses: Queue[str] = Queue()

    def read(lines: Iterator[str]) -> None:
        for line in lines:
            if line.startswith("Serving on "):
                addresses.put(line.split()[2].rstrip("/"))

    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        threading.Thread(target=read, args=(process.stdout,), daemon=True).start()
        try:
            yield Demo(addresses.get(timeout=120), process)
        finally:
            process.terminate()
            process.wait(60)


def await_shown(page: Any, selector: str) -> None:
    """Asks again and again until this is shown."""
    for _ in range(240):
        if page.query_selector(selector):
            return
        page.keyboard.press("r")
        page.wait_for_timeout(1000)
    pytest.fail(f"{selector} was never shown, but {page.inner_text('main')}")


def test_datanodes_die_and_come_back(chromium: Any, demo: Demo) -> None:
    with watched(chromium, demo.address, refused=(503,)) as page:
        page.goto(demo.address)
        await_shown(page, "h1:has-text('Healthy')")

        dying = ("dn-2", "dn-5", "dn-9", "dn-11")
        demo.happens("replication off", *(f"kill {name}" for name in dying))
        await_shown(page, ".findings li.bad:has-text('cannot be read'):has-text('start them first')")
        await_shown(page, ".findings li.bad:has-text('4 datanodes are dead')")

        page.click(".findings li:has-text('cannot be read') a.more")
        page.wait_for_selector("tbody td:first-child a")
        page.click("tbody td:first-child a")
        page.wait_for_selector("h2:text-is('Keys')")
        assert "Missing" in page.inner_text(".advice.bad")
        assert "Gone" in "".join(column(page, "Present"))
        page.click("td:first-child a[href^='#/namespace']")
        page.wait_for_selector(".facts:has-text('key')")

        demo.happens(*(f"start {name}" for name in dying), "replication on")
        page.click(".brand")
        await_shown(page, "h1:has-text('Healthy')")
