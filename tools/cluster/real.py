"""Drives a real cluster from tests, captures and benchmarks through the commands of this tool."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.cluster.site import lib

ROOT = Path(__file__).resolve().parents[2]
LIB = lib()


class RealCluster:
    """A cluster whose state is in `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._environment = {**os.environ, "OZONE_HOME": str(home), "OZONE_LIB": str(LIB)}

    def __call__(self, *words: str) -> str:
        """Runs a command of the tool; returns what it prints."""
        return self._run(words, "", check=True).stdout

    def shell(self, lines: Sequence[str], user: str = "root") -> list[str]:
        """Runs commands in one Ozone shell as `user`; returns the output of each, exits if one fails."""
        done = self._run(["sh", "--as", user], "\n".join(lines) + "\n", check=False)
        outputs = re.split(r"^> .*\n", done.stdout, flags=re.M)[1:]
        bad = [f"{line}\n{output}" for line, output in zip(lines, outputs, strict=False) if "rc=0" not in output]
        if bad or len(outputs) != len(lines):
            sys.exit(f"{len(outputs)} of {len(lines)} commands ran; failed:\n" + "\n".join(bad))
        return [output.removesuffix("rc=0\n") for output in outputs]

    def java(self, source: Path) -> None:
        """Runs a Java program as a client of the cluster."""
        classes = f"{self.home / 'cli' / 'conf'}:{LIB}/*"
        subprocess.run(["java", "-cp", classes, source], stderr=subprocess.DEVNULL, check=True)

    def _run(self, words: Sequence[str], given: str, *, check: bool) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tools.cluster", *words],
            cwd=ROOT,
            env=self._environment,
            input=given,
            text=True,
            stdout=subprocess.PIPE,
            check=check,
        )
