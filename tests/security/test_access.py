"""Who may do what: administrators, readers, everybody else, proxy users, and the other Recon of a pair."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.security.samples import http_security

from ozone_recon.config.security.http import HttpSecurity, ProxyUser
from ozone_recon.errors import LoginError
from ozone_recon.model.identity import Identity
from ozone_recon.security.access import Access, AccessRules
from ozone_recon.security.access_list import AccessList
from ozone_recon.security.groups import CACHED_FOR, UserGroups, groups_of


def user(name: str, principal: str = "") -> Identity:
    return Identity(name, principal or f"{name}@R", "kerberos")


def rules(settings: HttpSecurity) -> AccessRules:
    groups = {"gina": frozenset({"ops"}), "rita": frozenset({"audit"})}
    return AccessRules(settings, UserGroups(lambda name: groups.get(name, frozenset())))


SETTINGS = replace(
    http_security(),
    admins=frozenset({"adam"}),
    admin_groups=frozenset({"ops"}),
    readers=frozenset({"rob"}),
    reader_groups=frozenset({"audit"}),
)


@pytest.mark.parametrize(
    ("name", "access"),
    [
        ("adam", Access.CHANGE),
        ("gina", Access.CHANGE),
        ("rob", Access.READ),
        ("rita", Access.READ),
        ("eve", Access.NOTHING),
        ("", Access.NOTHING),
    ],
)
def test_access(name: str, access: Access) -> None:
    found = rules(SETTINGS)
    assert found.known(user(name)) is (Access.CHANGE if name == "adam" else None), "groups are unknown"
    assert found.of(user(name)) is access
    assert found.known(user(name)) is access


def test_everybody_else_sees_what_they_own_if_owners_may() -> None:
    found = rules(replace(SETTINGS, owners_read=True))
    assert [found.of(user(one)) for one in ("adam", "rob", "eve")] == [Access.CHANGE, Access.READ, Access.OWN]
    assert found.known(None) is Access.NOTHING


def test_lists_without_groups_need_no_groups() -> None:
    def unavailable(_: str) -> frozenset[str]:
        raise AssertionError("asked for groups")

    settings = replace(SETTINGS, admin_groups=frozenset(), reader_groups=frozenset())
    found = AccessRules(settings, UserGroups(unavailable))
    access = [found.known(user(name)) for name in ("adam", "rob", "eve")]
    assert access == [Access.CHANGE, Access.READ, Access.NOTHING]


def test_an_anonymous_client_may_do_nothing() -> None:
    assert rules(SETTINGS).known(None) is Access.NOTHING


def test_everybody_may_do_everything_without_authorization() -> None:
    found = rules(replace(SETTINGS, checks_access=False))
    assert found.known(user("eve")) is found.known(None) is Access.CHANGE


def test_a_star_is_everybody() -> None:
    everybody = frozenset({"*"})
    for settings in (replace(SETTINGS, admins=everybody), replace(SETTINGS, admin_groups=everybody)):
        assert rules(settings).of(user("eve")) is Access.CHANGE
    for settings in (replace(SETTINGS, readers=everybody), replace(SETTINGS, reader_groups=everybody)):
        assert rules(settings).of(user("eve")) is Access.READ


def test_groups_are_asked_again_after_a_while() -> None:
    now, asked = [0.0], []

    def lookup(name: str) -> frozenset[str]:
        asked.append(name)
        return frozenset({"ops"}) if len(asked) == 1 else frozenset()

    found = AccessRules(SETTINGS, UserGroups(lookup, lambda: now[0]))
    assert found.of(user("gina")) is found.of(user("gina")) is Access.CHANGE
    now[0] = CACHED_FOR
    assert found.of(user("gina")) is Access.NOTHING
    assert asked == ["gina", "gina"]


def test_the_groups_of_the_system() -> None:
    assert "root" in groups_of("root")
    assert groups_of("no such user") == groups_of("a\0b") == frozenset()


PROXY = ProxyUser(frozenset({"10.0.0.1"}), frozenset({"eve"}), frozenset({"audit"}))


@pytest.mark.parametrize(
    ("proxy", "target", "host", "may"),
    [
        (PROXY, "eve", "10.0.0.1", True),
        (PROXY, "rita", "10.0.0.1", True),
        (PROXY, "adam", "10.0.0.1", False),
        (PROXY, "eve", "10.0.0.2", False),
        (PROXY._replace(hosts=frozenset({"*"})), "eve", "10.0.0.2", True),
        (PROXY._replace(users=frozenset({"*"})), "adam", "10.0.0.1", True),
        (PROXY, "eve", "::ffff:10.0.0.1", True),
        (PROXY._replace(hosts=frozenset({"10.0.0.0/24"})), "eve", "10.0.0.77", True),
        (PROXY._replace(hosts=frozenset({"10.0.0.5/24"})), "eve", "10.0.1.77", False),
        (PROXY._replace(hosts=frozenset({"fd00::/8"})), "eve", "fd00::1", True),
        (PROXY._replace(hosts=frozenset({"localhost"})), "eve", "127.0.0.1", True),
        (PROXY._replace(hosts=frozenset({"localhost"})), "eve", "10.0.0.1", False),
        (PROXY._replace(hosts=frozenset({"no such host", "a" * 300, "10.0.0.1/99"})), "eve", "10.0.0.1", False),
        (PROXY, "eve", "", False),
        (ProxyUser(frozenset({"*"}), frozenset(), frozenset()), "eve", "10.0.0.1", False),
    ],
)
def test_proxy_users(proxy: ProxyUser, target: str, host: str, may: bool) -> None:
    found = rules(replace(SETTINGS, proxy_users={"knox": proxy}))
    if may:
        assert found.acting_as(user("knox"), target, host) == Identity(target, target, "kerberos", "knox")
    else:
        with pytest.raises(LoginError, match=f"User: knox is not allowed to impersonate {target}"):
            found.acting_as(user("knox"), target, host)
    with pytest.raises(LoginError):
        found.acting_as(user("eve"), target, host)


@pytest.mark.parametrize(
    ("principal", "is_peer"),
    [
        ("recon/host2@R", True),
        ("recon/host1@R", True),
        ("recon@R", False),
        ("recon/host2@OTHER", False),
        ("om/host2@R", False),
    ],
)
def test_the_other_recon(principal: str, is_peer: bool) -> None:
    found = rules(replace(SETTINGS, own_principal="recon/host1@R"))
    assert found.is_peer(user("recon", principal)) is is_peer
    assert not found.is_peer(Identity("recon", principal, "simple")), "anybody can name itself so"
    assert not found.is_peer(Identity("recon", principal, "kerberos", "knox"))


@pytest.mark.parametrize(
    ("text", "admitted"),
    [("*", "aeg"), ("adam eve", "ae"), ("adam,eve", "ae"), (" ops", "g"), ("adam ops", "ag"), ("", ""), (" ", "")],
)
def test_access_lists(text: str, admitted: str) -> None:
    groups = {"gina": frozenset({"ops"}), "eve": frozenset({"eve"})}
    found = AccessList.parse(text)
    names = [name for name in ("adam", "eve", "gina") if found.admits(name, lambda one: groups.get(one, frozenset()))]
    assert "".join(name[0] for name in names) == admitted
