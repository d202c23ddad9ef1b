"""Parameter types that parse as Recon 2.2.0 does: `limit: Annotated[Int32, Query(description="…")] = 1000`.

A number that is invalid or out of range is a 404, as in Recon. An empty number means the default. A boolean is true
for "true" in any case, and false for any other text. The first of a repeated parameter wins (middleware/request.py).
Unknown parameters are ignored.
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
"""Maximum number of rows of a page, whatever `limit` is: a response is held in memory, and delays others."""


def _page(limit: int) -> int:
    return min(limit, PAGE)


Limit = Annotated[Int32, AfterValidator(_page), Query(description="Maximum number of rows.")]
"""`limit` of a listing; its default is 1000 everywhere."""
ContainerId = Annotated[Int64, Path(description="A container id.")]
"""`{id}` of a container route."""
NamespacePath = Annotated[
    str,
    Query(
        description="`/` for everything, `/volume`, `/volume/bucket`, `/volume/bucket/directory` or a key. The leading "
        "slash is optional; repeated slashes count as one, except within an OBS key."
    ),
]
"""`path` of the namespace routes."""
