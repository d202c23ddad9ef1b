"""Reads the hexadecimal examples of the format pages in docs/formats."""

import re
from pathlib import Path

PAGES = Path(__file__).parents[2] / "docs" / "formats"
HEX = re.compile(r"^(?:[0-9a-f]{2}(?: |$))+", re.MULTILINE)


def example(page: str) -> bytes:
    """The bytes that begin the lines of a page's example."""
    return b"".join(
        bytes.fromhex(line) for block in (PAGES / page).read_text().split("```")[1::2] for line in HEX.findall(block)
    )
