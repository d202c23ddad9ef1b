"""The kinds of values a setting can have, written as Ozone writes them: `10s`, `1GB`, `host:port`, `a,b`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """A kind of value: its name, what is allowed, and how its text becomes a value (ValueError if it cannot)."""

    name: str
    allowed: str
    read: Callable[[str], T_co]


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_NANOSECONDS: Final = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3600 * 1_000_000_000,
    "d": 86400 * 1_000_000_000,
}
_BYTES: Final = {unit: 1 << 10 * power for power, unit in enumerate("bkmgtpe")}


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _count(text: str) -> int:
    value = int(text, 16 if text.lower().startswith("0x") else 10)
    if value < 0:
        raise ValueError(text)
    return value


def _positive(text: str) -> int:
    value = _count(text)
    if not value:
        raise ValueError(text)
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise ValueError(text)
    return value


def _duration(text: str) -> float:
    match = re.fullmatch(r"(\d+)\s*(ns|us|ms|s|m|h|d)?", text.lower())
    if not match:
        raise ValueError(text)
    return int(match[1]) * _NANOSECONDS[match[2] or "ms"] / 1e9


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([kmgtpe])(?:b|i?b)?|b|bytes)?", text.lower())
    if not match:
        raise ValueError(text)
    return int(float(match[1]) * _BYTES[match[2] or "b"])


def _address(text: str) -> Address:
    match = re.fullmatch(r"(?:\w+://)?(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(\d+)/?", text)
    if not match:
        raise ValueError(text)
    return Address(match[1].strip("[]"), _port(match[2]))


def _host(text: str) -> str:
    if not re.fullmatch(r"[^\s/:]+|[0-9A-Fa-f:.]+", text):
        raise ValueError(text)
    return text


def _server(text: str) -> Address:
    return _address(text) if re.search(r"[^:]:\d+$", text) else Address(_host(text), 0)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError(text)
    return text.rstrip("/")


def one_of(*choices: str) -> Kind[str]:
    """One of some words, whatever their case; the value has the case given here."""
    words = {choice.lower(): choice for choice in choices}
    return Kind("word", "one of " + ", ".join(choices), lambda text: words[text.lower()])


def _mode(text: str) -> int:
    if not re.fullmatch(r"[0-7]{3,4}", text):
        raise ValueError(text)
    return int(text, 8)


FLAG: Final = Kind("flag", "true or false", _flag)
COUNT: Final = Kind("count", "a whole number, 0 or more", _count)
POSITIVE: Final = Kind("number", "a whole number, 1 or more", _positive)
DURATION: Final = Kind(
    "duration", "a whole number with ns, us, ms, s, m, h or d; without a unit, milliseconds", _duration
)
SIZE: Final = Kind("size", "a number with B, KB, MB, GB, TB or PB (powers of 1024); without a unit, bytes", _size)
ADDRESS: Final = Kind("address", "host:port", _address)
PORT: Final = Kind("port", "a whole number from 0 to 65535", _port)
HOST: Final = Kind("host", "a host name or an IP address", _host)
URL: Final = Kind("URL", "an address that begins with http:// or https://", _url)
SERVER: Final = Kind("server", "host, or host:port", _server)
"""The port is 0 when none is said."""
WORDS: Final = Kind("list", "words separated by commas", _words)
TEXT: Final = Kind("text", "any text", str)
PATHS: Final = Kind("directories", "paths separated by commas", lambda text: tuple(map(Path, _words(text))))
PATH: Final = Kind("path", "a path", lambda text: Path(text.removeprefix("file://")) if text else None)
MODE: Final = Kind("mode", "a file mode in octal, such as 700", _mode)
