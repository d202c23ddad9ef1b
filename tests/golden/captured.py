"""Java Recon 2.2.0's answers about the sample (captured by tools/capture/sample.py), in comparable form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CAPTURE = Path(__file__).parents[1] / "data" / "java-answers.jsonl"


@dataclass(frozen=True)
class Answer:
    """An answer to GET `path` below /api/v1. `body` is its JSON, or its text if it is not JSON."""

    path: str
    status: int
    body: Any

    @classmethod
    def of(cls, path: str, status: int, text: str) -> Answer:
        try:
            return cls(path, status, json.loads(text))
        except ValueError:
            return cls(path, status, text)

    @property
    def compared(self) -> dict[str, Any]:
        """The compared part: for an error only the status, since our error bodies have their own format."""
        return {"HTTP": self.status} if self.status >= 400 else {"HTTP": self.status, "answer": self.body}


def captured() -> list[Answer]:
    """Returns Java Recon's answers, in the order of the requests."""
    if not CAPTURE.exists():
        return []
    lines = map(json.loads, CAPTURE.read_text().splitlines())
    return [Answer.of(line["path"], line["status"], line["body"]) for line in lines]
