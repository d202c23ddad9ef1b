"""How Recon 2.2.0 reads parameters, as annotated types: `limit: Annotated[Int32, Query(description="…")] = 1000`.

A number that does not parse, or is out of its range, is a 404, as in Recon. An empty number means its default.
A boolean is true for "true" in any case and false for everything else, the empty text too. Of a repeated parameter
the first counts (see framing.py). Unknown parameters are ignored.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticUseDefault

_NUMBER = re.compile(r"[+-]?[0-9]{1,32}")


def _integer(bits: int) -> BeforeValidator:
    limit = 1 << (bits - 1)

    def read(text: object) -> int:
        if text == "":
            raise PydanticUseDefault
        if not isinstance(text, str) or not _NUMBER.fullmatch(text):
            raise ValueError("is not a whole number")
        number = int(text)
        if not -limit <= number < limit:
            raise ValueError(f"is not within {-limit} and {limit - 1}")
        return number

    return BeforeValidator(read)


Int32 = Annotated[int, _integer(32), WithJsonSchema({"type": "integer", "format": "int32"})]
"""Java's int."""
Int64 = Annotated[int, _integer(64), WithJsonSchema({"type": "integer", "format": "int64"})]
"""Java's long."""
Boolean = Annotated[bool, BeforeValidator(lambda text: text.lower() == "true"), WithJsonSchema({"type": "boolean"})]
"""Java's boolean."""

PAGE = 100_000
"""The most rows of one page, whatever `limit` says: what is answered at once is held in memory, and others wait."""


def _page(limit: int) -> int:
    return min(limit, PAGE)


Limit = Annotated[Int32, AfterValidator(_page), Query(description="The most rows to answer with.")]
"""`limit` of a listing; its default is 1000 everywhere."""
ContainerId = Annotated[Int64, Path(description="A container's number.")]
"""`{id}` of a container route."""
NamespacePath = Annotated[
    str,
    Query(
        description="What is asked about: `/` is everything, `/volume`, `/volume/bucket`, `/volume/bucket/directory` "
        "or a key. The leading slash may be left out; slashes in a row count as one, except within an OBS key."
    ),
]
"""`path` of the namespace routes."""
