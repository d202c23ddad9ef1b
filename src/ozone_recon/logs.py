"""How the program logs: a line on standard error for each event, the same from all of its processes."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Final, NamedTuple

_TEXT: Final = "%(asctime)s %(levelname)s %(message)s"
_OF_ALL: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class LogSettings(NamedTuple):
    """`format` is "text" or "json"; nothing below `level` is logged."""

    format: str = "text"
    level: str = "INFO"


def log_to_stderr(settings: LogSettings) -> None:
    """Log in this way from now on; of libraries, only warnings and what is worse."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if settings.format == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(handlers=[handler], force=True)
    logging.getLogger("ozone_recon").setLevel(settings.level)


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
