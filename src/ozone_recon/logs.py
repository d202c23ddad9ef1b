"""How the program logs: a line on standard error for each event, the same from all of its processes.

Events contain names and messages from outside. They are escaped here, and their rate is limited here, for all.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, NamedTuple, TypeAlias

_TEXT: Final = "%(asctime)s %(levelname)s %(message)s"
BURST: Final = 200
"""Events that one call site may log at once."""
REFILL: Final = 6.0
"""Seconds after which a call site may log one more."""
_ExceptionInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
_OF_ALL: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class LogSettings(NamedTuple):
    """`format` is "text" or "json"; nothing below `level` is logged."""

    format: str = "text"
    level: str = "INFO"


def log_to_stderr(settings: LogSettings) -> None:
    """Log in this way from now on; of libraries, only warnings and what is worse."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if settings.format == "json" else TextLines(_TEXT))
    handler.addFilter(RateLimit())
    logging.basicConfig(handlers=[handler], force=True)
    logging.getLogger("ozone_recon").setLevel(settings.level)


class RateLimit(logging.Filter):
    """A token bucket for each call site, so that nobody can fill a disk by causing the same event again and again.

    The next event of a call site says how many were dropped.
    """

    def __init__(self) -> None:
        super().__init__()
        self._buckets: dict[tuple[str, int], _Bucket] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the event is logged."""
        bucket = self._buckets.setdefault((record.pathname, record.lineno), _Bucket(at=record.created))
        bucket.left = min(BURST, bucket.left + max(0.0, record.created - bucket.at) / REFILL)
        bucket.at = record.created
        if bucket.left < 1:
            bucket.dropped += 1
            return False
        bucket.left -= 1
        if bucket.dropped:
            record.msg = f"{record.getMessage()} ({bucket.dropped:,} similar events before this one were not logged)"
            record.args = ()
            bucket.dropped = 0
        return True


@dataclass(slots=True)
class _Bucket:
    at: float
    left: float = BURST
    dropped: int = 0


class TextLines(logging.Formatter):
    """A line for each event: no name in it can start a line of its own, or send a control sequence to a terminal.

    Stack traces follow on indented lines.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The event, on one line."""
        return one_line(super().formatMessage(record))

    def formatException(self, ei: _ExceptionInfo) -> str:
        """The stack trace."""
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        """The stack."""
        return _indented(super().formatStack(stack_info))


def one_line(text: str) -> str:
    """`text` with unprintable characters escaped: line ends, control and format characters, surrogates."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _indented(text: str) -> str:
    return "\n".join("    " + one_line(line) for line in text.split("\n"))


class JsonLines(logging.Formatter):
    """A JSON object for each event: `time` (UTC), `level`, `logger`, `process`, `message`, and more where it has more.

    What is given to a logger as `extra` becomes members of their own; `exception` has a stack trace.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever is in the message."""
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        said |= {name: value for name, value in vars(record).items() if name not in _OF_ALL}
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)
