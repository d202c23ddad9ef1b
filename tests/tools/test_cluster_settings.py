"""What the tool for real clusters writes and remembers, without starting anything."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import pytest
from tools.cluster import settings
from tools.cluster.__main__ import main, parser
from tools.cluster.install import jar_names
from tools.cluster.site import Options, Site

DOCUMENT = (Path(__file__).parents[2] / "docs" / "real-cluster.md").read_text()
HA = Options(mode="ha", oms=3, scms=3, listeners=1)


def site(home: Path, options: Options) -> Site:
    return Site(home, home / "lib", options)


def test_each_mode_starts_its_roles() -> None:
    assert Options(datanodes=2, recon=True).roles() == ["scm", "dn1", "dn2", "om", "recon"]
    assert replace(HA, datanodes=1).roles() == ["scm1", "scm2", "scm3", "dn1", "om1", "om2", "om3"]
    assert replace(HA, scms=1, datanodes=1).roles() == ["scm", "dn1", "om1", "om2", "om3"]


def test_nodes_are_told_apart_by_their_host_or_by_their_ports(tmp_path: Path) -> None:
    for one_host, host, om, ratis in ((False, "127.0.0.12", 9862, "10872"), (True, "localhost", 10862, "10872")):
        cluster = site(tmp_path, replace(HA, one_host=one_host))
        settings.configure(cluster)
        written = settings.read(cluster.conf("om2"))
        assert settings.address(cluster, "om2") == (host, om)
        assert settings.address(cluster, "scm2") == (host, om - 2)
        assert written["ozone.om.ratis.port.omservice.om2"] == ratis
        assert written["ozone.om.node.id"] == "om2"
        assert written["ozone.om.listener.nodes.omservice"] == "om3"
        assert not {"ozone.om.address", "ozone.scm.names"} & written.keys()
        assert settings.address(cluster, "recon") == ("localhost", 9888)
        assert settings.address(cluster, "dn1") is None


def test_settings_are_for_a_role_a_kind_or_all(tmp_path: Path) -> None:
    given = ("all:a=1", "dn:b=2", "dn2:c=3=4", "om:d=<5>&")
    cluster = site(tmp_path, Options(settings=given))
    settings.configure(cluster)
    keys = ("a", "b", "c", "d")
    found = {role: [settings.read(cluster.conf(role)).get(key) for key in keys] for role in ("dn1", "dn2", "om", "cli")}
    assert found == {
        "dn1": ["1", "2", None, None],
        "dn2": ["1", "2", "3=4", None],
        "om": ["1", None, None, "<5>&"],
        "cli": ["1", None, None, None],
    }
    with pytest.raises(SystemExit, match="expected ROLE:KEY=VALUE"):
        Options(settings=("om",)).settings_of("om")


def test_in_mode_secure_every_service_has_a_principal_and_recons_page_may_be_https(tmp_path: Path) -> None:
    cluster = site(tmp_path, Options(mode="secure", https=True, rules=("RULE:[1:$1]",)))
    settings.configure(cluster)
    written = settings.read(cluster.conf("recon"))
    assert written["ozone.recon.kerberos.principal"] == "recon/_HOST@OZONE.TEST"
    assert written["hadoop.security.auth_to_local"] == "RULE:[1:$1]\nDEFAULT"
    assert settings.address(cluster, "recon") == ("localhost", 9889)


def test_a_cluster_keeps_its_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OZONE_HOME", str(tmp_path / "ozone"))
    replace(Site.of_environment(), options=replace(HA, settings=("all:a=1",))).keep_options()
    assert Site.of_environment().options == replace(HA, settings=("all:a=1",))
    replace(Site.of_environment(), options=replace(HA, recon=True)).keep_options()
    with pytest.raises(SystemExit, match="another shape"):
        replace(Site.of_environment(), options=Options()).keep_options()


def test_only_a_clusters_directory_is_wiped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OZONE_HOME", str(tmp_path))
    (tmp_path / "precious").touch()
    with pytest.raises(SystemExit, match="holds no cluster"):
        main(["down", "--wipe"])
    assert (tmp_path / "precious").exists()
    Site.of_environment().keep_options()
    main(["down", "--wipe"])
    main(["down", "--wipe"])
    assert not tmp_path.exists()


@pytest.mark.parametrize("words", [["--oms", "3"], ["--listeners", "1"], ["--mode", "ha", "--https"]])
def test_an_option_of_another_mode_is_refused(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OZONE_HOME", str(tmp_path / "ozone"))
    with pytest.raises(SystemExit, match="need"):
        main(["up", *words])
    assert not (tmp_path / "ozone").exists()


def test_its_page_names_every_command_and_option() -> None:
    (commands,) = (one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    for name, command in commands.choices.items():
        assert f"`{name}" in DOCUMENT or f" {name} " in DOCUMENT, name
        for action in command._actions:
            for option in action.option_strings:
                assert option in ("-h", "--help") or option in DOCUMENT, f"{name} {option}"
    assert f"downloads {len(jar_names())} jars" in DOCUMENT
