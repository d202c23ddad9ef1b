"""The cookie hadoop.auth: one that Java Recon made is accepted, and no altered or expired one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ozone_recon.errors import ConfigError, LoginError
from ozone_recon.model.identity import Identity
from ozone_recon.security.cookie import read, secret_of, written

SECRET = b"http-secret-of-the-test-cluster"
JAVA = "u=testuser&p=testuser@OZONE.TEST&t=kerberos&e=1796123147291&s=PxqRc0z6PXgVN2Q1XYcTtU5PydYoFh7g1YHWUNbyHr4="
"""Set by Java Recon 2.2.0 on the secure test cluster."""
WHO = Identity("testuser", "testuser@OZONE.TEST", "kerberos")
EXPIRES = 1796123147291


def test_javas_cookie_is_ours() -> None:
    assert (
        read(JAVA, SECRET, EXPIRES - 1, "kerberos")
        == read(f'"{JAVA}"', SECRET, EXPIRES - 1, "kerberos")
        == (WHO, EXPIRES)
    )
    assert written(WHO, EXPIRES, SECRET) == JAVA


def test_an_expired_one_is_refused() -> None:
    with pytest.raises(LoginError, match="AuthenticationToken expired"):
        read(JAVA, SECRET, EXPIRES, "kerberos")


def test_altered_ones_are_refused() -> None:
    chance = random.Random(1)
    hostile = [
        "",
        "u=",
        "&s=",
        "s=",
        "u=root&p=root&t=kerberos&e=9999999999999",
        JAVA * 100,
        "é&s=é",
        "\udcff&s=\udcff",
    ]
    hostile += [JAVA[:end] for end in range(len(JAVA))]
    for _ in range(500):
        at = chance.randrange(len(JAVA))
        hostile.append(JAVA[:at] + chr(chance.randrange(1, 0x250)) + JAVA[at + 1 :])
    for one in hostile:
        if one != JAVA:
            with pytest.raises(LoginError):
                read(one, SECRET, 0, "kerberos")
    with pytest.raises(LoginError, match="Invalid signature"):
        read(JAVA, b"another secret", 0, "kerberos")


def test_a_login_ends_when_it_is_not_used() -> None:
    value = written(WHO, EXPIRES, SECRET, inactive=1000)
    assert value.startswith("u=testuser&p=testuser@OZONE.TEST&t=kerberos&i=1000&e=1796123147291&s=")
    assert read(value, SECRET, 999, "kerberos") == (WHO, EXPIRES)
    with pytest.raises(LoginError, match="AuthenticationToken expired"):
        read(value, SECRET, 1000, "kerberos")


def test_a_name_beyond_ascii_stays() -> None:
    who = Identity("zoë", "zoë@OZONE.TEST", "kerberos")
    assert read(written(who, EXPIRES, SECRET), SECRET, 0, "kerberos").identity == who


@pytest.mark.parametrize("name", ["x&u=root", "x;y", 'x"y', "x\r\ny"])
def test_a_name_that_would_end_a_part_gets_no_cookie(name: str) -> None:
    for who in (Identity(name, "x@R", "kerberos"), Identity("x", f"{name}@R", "kerberos")):
        with pytest.raises(LoginError, match="a cookie cannot hold"):
            written(who, EXPIRES, SECRET)


def test_a_login_of_another_type_is_refused() -> None:
    """A server of type simple with the same secret signs any name."""
    forged = written(Identity("testuser", "testuser", "simple"), EXPIRES, SECRET)
    with pytest.raises(LoginError, match="Invalid AuthenticationToken type"):
        read(forged, SECRET, 0, "kerberos")
    assert read(forged, SECRET, 0, "simple").identity.user == "testuser"


def test_a_signed_one_without_a_user_is_refused() -> None:
    forged = written(Identity("a", "b", "c"), 1, SECRET).replace("u=", "")
    with pytest.raises(LoginError):
        read(forged, SECRET, 0, "kerberos")


def test_the_secret_is_read_whole_and_a_random_one_stands_in_for_the_default(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "secret"
    first, second = (secret_of(file, is_default=True) for _ in range(2))
    assert first != second
    assert "logins end with this server" in caplog.text
    with pytest.raises(ConfigError, match=r"signature\.secret\.file"):
        secret_of(file, is_default=False)
    file.write_bytes(b" a secret \n")
    assert secret_of(file, is_default=False) == b" a secret \n"
