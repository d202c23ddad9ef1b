"""Rules that map principals to short names, as Hadoop's KerberosName applies them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ozone_recon.config.security.rpc import NameRules
from ozone_recon.errors import ConfigError, KerberosError
from ozone_recon.security.auth_to_local import AuthToLocal, default_realm


@pytest.mark.parametrize(
    ("rules", "principal", "name"),
    [
        ("DEFAULT", "om/localhost@R", "om"),
        ("", "testuser@R", "testuser"),
        ("DEFAULT", "testuser", "testuser"),
        ("RULE:[1:$1@$0](testuser3@R)s/.*/testuser/\nDEFAULT", "testuser3@R", "testuser"),
        ("RULE:[1:$1@$0](testuser3@R)s/.*/testuser/\nDEFAULT", "testuser@R", "testuser"),
        ("RULE:[2:$1@$0](dn@.*)s/.*/hdds/ DEFAULT", "dn/host@OTHER", "hdds"),
        ("RULE:[2:$1;$2](^.*;admin$)s/;admin$// DEFAULT", "eve/admin@R", "eve"),
        ("RULE:[1:$1]/L", "TestUser@R", "testuser"),
        ("RULE:[1:$1]s/e/E/", "tester@R", "tEster"),
        ("RULE:[1:$1]s/e/E/g", "tester@R", "tEstEr"),
        ("RULE:[1:$1]s/(t)e/$1_/g/L", "TEstEr@R", "tester"),
        ("RULE:[1:$1@$0](.*@OTHER)s/@.*// RULE:[1:x$1]", "a@R", "xa"),
        ("RULE:[1:$1]s/.*b/$0x/", "ab@R", "abx"),
        ("RULE:[1:$1]s/(a)b/$12/", "ab@R", "a2"),
        ("RULE:[1:$1]s/(a)|b/[$1]/g", "ab@R", "[a][]"),
        (r"RULE:[1:$1]s/a/\$1\\/", "a@R", "$1\\"),
        (r"RULE:[1:$1]s/\w+/x/", "é@R", "é"),
        (r"RULE:[1:$1@$0](.*@.*)s/([a-z]+)@(A|B|R)?.*/$1/", "tester@R", "tester"),
        (r"RULE:[1:$1]s/(?:[(a+)]b)+|(\(c\+\))+/x/", "+b@R", "x"),
    ],
)
def test_rules(rules: str, principal: str, name: str) -> None:
    assert AuthToLocal(NameRules(rules, "hadoop"), "R").short_name(principal) == name


@pytest.mark.parametrize(
    ("rules", "principal", "text"),
    [
        ("DEFAULT", "om/localhost@OTHER", "no rule"),
        ("RULE:[1:$1@$0](x@R)s/.*/y/", "ax@R", "no rule"),
        ("RULE:[1:$1@$0]", "a@R", "not a short name"),
        ("RULE:[1:$1]s/.*//", "a@R", "nothing, which is not a short name"),
        ("DEFAULT", "odd/one/two@R", "Malformed Kerberos name: odd/one/two@R"),
        ("DEFAULT", "a" * 300 + "@R", "Malformed Kerberos name"),
        ("DEFAULT", "", "Malformed"),
    ],
)
def test_what_has_no_short_name_is_refused(rules: str, principal: str, text: str) -> None:
    with pytest.raises(KerberosError, match=text):
        AuthToLocal(NameRules(rules, "hadoop"), "R").short_name(principal)


def test_the_mechanism_mit_passes_names_on() -> None:
    names = AuthToLocal(NameRules("RULE:[1:$1@$0](a@R)", "MIT"), "R")
    assert names.short_name("a@R") == "a@R"
    assert names.short_name("om/localhost@OTHER") == "om/localhost@OTHER"


@pytest.mark.parametrize(
    "rules",
    [
        "RULE",
        "RULE:[3:$1]",
        "RULE:[1:$3]",
        "RULE:[1:$2]",
        "RULE:[1:$1](()s/a/b/",
        "DEFAULT rubbish",
        "RULE:[1:$1" + "x" * 5000 + "]",
        "RULE:[1:$1]s/(a)/$2/",
        "RULE:[1:$1]s/a/$/",
        "RULE:[1:$1]s/a/${b}/",
        "RULE:[1:$1]s/(a+)+b//",
        "RULE:[1:$1]s/(a|a)*b//",
        "RULE:[1:$1]s/((?:x(a*))y)+b//",
        "RULE:[1:$1]s/(a?){1,64}b//",
        r"RULE:[1:$1]s/([\])]+)*b//",
    ],
)
def test_an_invalid_rule_is_named(rules: str) -> None:
    with pytest.raises(ConfigError, match=r"hadoop\.security\.auth_to_local"):
        AuthToLocal(NameRules(rules, "hadoop"), "R")


def test_the_default_realm_is_that_of_krb5_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "krb5.conf").write_text("[libdefaults]\n  default_realm = EXAMPLE.COM\n")
    monkeypatch.setenv("KRB5_CONFIG", f"{tmp_path / 'nothing'}:{tmp_path / 'krb5.conf'}")
    assert default_realm() == "EXAMPLE.COM"
    monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "nothing"))
    assert default_realm() == ""
