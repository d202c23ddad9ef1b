"""Parses configuration values in Ozone's notation: `10s`, `1GB`, `host:port`, `a,b`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path
from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class ValueKind(Generic[T_co]):
    """A kind of value. `allowed` describes valid text; `read` parses it and raises ValueError or LookupError."""

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
_MAX_COUNT: Final = (1 << 31) - 1
"""Maximum of a count: Java's `Integer.MAX_VALUE`."""
_MAX_LONG: Final = (1 << 63) - 1
"""Maximum of a size in bytes and of a duration in nanoseconds: Java's `Long.MAX_VALUE`."""
_BYTES: Final = {unit: 1 << 10 * power for power, unit in enumerate("bkmgtpe")}


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _integer(text: str, low: int, high: int) -> int:
    """Parses an integer as Java does: ASCII digits or `0x…`, no underscores."""
    if not re.fullmatch(r"[0-9]{1,19}|0[xX][0-9A-Fa-f]{1,16}", text):
        raise ValueError(text)
    value = int(text, 16 if text[:2] in ("0x", "0X") else 10)
    if not low <= value <= high:
        raise ValueError(text)
    return value


def _interval(text: str) -> int:
    return -1 if text.startswith("-") and text[1:].isdecimal() else _integer(text, 0, _MAX_COUNT)


def _port(text: str) -> int:
    return _integer(text, 0, 65535)


def _duration(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,19})\s*(ns|us|ms|s|m|h|d)?", text.lower())
    nanoseconds = int(match[1]) * _NANOSECONDS[match[2] or "ms"] if match else _MAX_LONG + 1
    if nanoseconds > _MAX_LONG:
        raise ValueError(text)
    return nanoseconds / 1e9


def _size(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,19}(?:\.[0-9]{1,19})?)\s*(?:([kmgtpe])(?:b|i?b)?|b|bytes)?", text.lower())
    size = int(float(match[1]) * _BYTES[match[2] or "b"]) if match else _MAX_LONG + 1
    if size > _MAX_LONG:
        raise ValueError(text)
    return size


def _host(text: str) -> str:
    """Checks a DNS name or an IP address; removes the brackets of an IPv6 address."""
    bracketed = text.startswith("[") and text.endswith("]")
    host = text[1:-1] if bracketed else text
    if bracketed or ":" in host:
        IPv6Address(host)
    elif len(host) > 253 or not re.fullmatch(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?", host):
        raise ValueError(text)
    return host


def _address(text: str, port: int) -> Address:
    """Parses `host[:port]`; the default is `port`. An IPv6 address with a port needs brackets."""
    text = re.sub(r"^\w+://", "", text).removesuffix("/")
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?", text)
    if match:
        return Address(_host(match[1]), _port(match[2]) if match[2] else port)
    if re.search(r"[^:]:[0-9]+$", text):
        raise ValueError(text)
    return Address(_host(text), port)


def _server(text: str) -> Address:
    return _address(text, 0)


def address(port: int) -> ValueKind[Address]:
    """The kind of a server address whose default port is `port`."""
    return ValueKind("address", "host, or host:port", lambda text: _address(text, port))


def _words(text: str) -> tuple[str, ...]:
    return tuple(_line(word.strip()) for word in text.split(",") if word.strip())


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError(text)
    return text


def _url(text: str) -> str:
    if text:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or re.search(r"[\s\x00-\x1f]", text):
            raise ValueError(text)
        _host(f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "")
        _ = parts.port  # Raises ValueError for an invalid port.
    return text.rstrip("/")


def one_of(*choices: str) -> ValueKind[str]:
    """The kind of one of `choices`, case-insensitive; the value has the case given here."""
    words = {choice.lower(): choice for choice in choices}
    return ValueKind("word", "one of " + ", ".join(choices), lambda text: words[text.lower()])


def _file_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", text):
        raise ValueError(text)
    return text


def _mode(text: str) -> int:
    if not re.fullmatch(r"[0-7]{3,4}", text):
        raise ValueError(text)
    return int(text, 8)


FLAG: Final = ValueKind("flag", "true or false", _flag)
COUNT: Final = ValueKind("count", "a whole number, 0 or more", lambda text: _integer(text, 0, _MAX_COUNT))
POSITIVE: Final = ValueKind("number", "a whole number, 1 or more", lambda text: _integer(text, 1, _MAX_COUNT))
DURATION: Final = ValueKind(
    "duration", "a whole number with ns, us, ms, s, m, h or d; without a unit, milliseconds", _duration
)
SIZE: Final = ValueKind("size", "a number with B, KB, MB, GB, TB or PB (powers of 1024); without a unit, bytes", _size)
PORT: Final = ValueKind("port", "a whole number from 0 to 65535", _port)
HOST: Final = ValueKind("host", "a host name or an IP address", _host)
URL: Final = ValueKind("URL", "an address that begins with http:// or https://", _url)
SERVER: Final = ValueKind("server", "host, or host:port", _server)
"""The port is 0 if the text has none."""
SERVERS: Final = ValueKind(
    "servers", "host or host:port, separated by commas", lambda text: tuple(map(_server, _words(text)))
)
WORDS: Final = ValueKind("list", "words separated by commas", _words)
TEXT: Final = ValueKind("text", "one line of text", _line)
INTERVAL: Final = ValueKind("number of seconds", "an integer; -1 for none", _interval)
FILE_NAME: Final = ValueKind("file name", "the name of a file, without a directory", _file_name)
RULES: Final = ValueKind("rules", "rules separated by white space", lambda text: text)
PATHS: Final = ValueKind("directories", "paths separated by commas", lambda text: tuple(map(Path, _words(text))))
PATH: Final = ValueKind("path", "a path", lambda text: Path(text.removeprefix("file://")) if text else None)
MODE: Final = ValueKind("mode", "a file mode in octal, such as 700", _mode)
