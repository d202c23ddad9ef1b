"""Headers that the configuration decides: frames, https, and those of the operator."""

from __future__ import annotations

import httpx
import pytest
from tests.api.asking import ask
from tests.api.cluster_answers import following

from ozone_recon.config import Config
from ozone_recon.errors import ConfigError


def page(**keys: str) -> httpx.Headers:
    return ask(
        following(flags={name.replace("__", "-").replace("_", "."): value for name, value in keys.items()}), "/"
    ).headers


def test_frames() -> None:
    assert page()["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in page()["content-security-policy"]
    denied = page(hdds_xframe_value="DENY")
    assert denied["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in denied["content-security-policy"]
    allowed = page(hdds_xframe_enabled="false")
    assert "x-frame-options" not in allowed
    assert "frame-ancestors" not in allowed["content-security-policy"]


def test_headers_of_the_operator() -> None:
    assert page(ozone_http_header_X__Site="one; two")["x-site"] == "one; two"
    for name, value in (("X Site", "one"), ("X-Site", "one\r\nSet-Cookie: a=b"), ("", "one"), ("X-Site", "\u0100")):
        with pytest.raises(ConfigError, match=r"ozone\.http\.header\."):
            Config.load(flags={f"ozone.http.header.{name}": value})
