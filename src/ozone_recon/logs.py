"""Logging to standard error: one line of text or one JSON object per event, in every process.

Events contain untrusted names and messages: the formatters escape them, and a filter limits the rate per call site.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, NamedTuple, TypeAlias

_TEXT_FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"
BURST: Final = 200
"""Size of a call site's token bucket, in events."""
REFILL: Final = 6.0
"""Seconds until a token is added to a bucket."""
AUDIT: Final = "ozone_recon.audit"
"""The logger of refused requests; its level is its own, so that a higher one of the program does not silence it."""
AUDITED_CHANGES: Final = AUDIT + ".changes"
"""The logger of changes by users, whose events are never dropped."""
_ExceptionInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
_STANDARD_ATTRIBUTES: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class LogSettings(NamedTuple):
    """`format` is "text" or "json"; `level` is the minimum level."""

    format: str = "text"
    level: str = "INFO"


class LogLevel(NamedTuple):
    """A change of a logger's level while the program runs; a message between its processes."""

    logger: str
    level: int

    def apply(self) -> None:
        """Sets the level in this process, for good."""
        _CHANGED[self.logger] = self
        logging.getLogger(self.logger).setLevel(self.level)


_CHANGED: Final[dict[str, LogLevel]] = {}
MAX_CHANGED: Final = 100
"""Maximum number of loggers whose level may be changed: each takes memory for good."""


def changed_levels() -> tuple[LogLevel, ...]:
    """Returns the levels that were changed in this process."""
    return tuple(_CHANGED.copy().values())


def log_to_stderr(settings: LogSettings) -> None:
    """Configures the root logger; libraries log at WARNING and above only."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if settings.format == "json" else TextLines(_TEXT_FORMAT))
    handler.addFilter(RateLimit())
    logging.basicConfig(handlers=[handler], force=True)
    logging.getLogger("ozone_recon").setLevel(settings.level)
    logging.getLogger(AUDIT).setLevel(logging.INFO)
    for change in changed_levels():  # The parent may have sent them before.
        change.apply()


class RateLimit(logging.Filter):
    """Limits events with a token bucket per call site, so that a repeated event cannot fill the disk.

    The next event of a call site gives the number of dropped ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self._buckets: dict[tuple[str, int], _Bucket] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether to log the event."""
        if record.name == AUDITED_CHANGES:
            return True
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
    """Formats an event as one line; stack traces follow on indented lines.

    Names in it cannot start a new line or send control sequences to a terminal.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Formats the event on one line."""
        return one_line(super().formatMessage(record))

    def formatException(self, ei: _ExceptionInfo) -> str:
        """Formats the stack trace."""
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        """Formats the stack."""
        return _indented(super().formatStack(stack_info))


def one_line(text: str) -> str:
    """Escapes unprintable characters: line ends, control and format characters, surrogates."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _indented(text: str) -> str:
    return "\n".join("    " + one_line(line) for line in text.split("\n"))


class JsonLines(logging.Formatter):
    """Formats an event as a JSON object: `time` (UTC), `level`, `logger`, `process` (pid) and `message`.

    Each item of a logger's `extra` is a member of its own; `exception` is a stack trace.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Formats the event on one line."""
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        event |= {name: value for name, value in vars(record).items() if name not in _STANDARD_ATTRIBUTES}
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event, default=str)
