import getpass
import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozone_recon.config import Config, keys
from ozone_recon.config.cluster_settings import Intervals, ScmPace
from ozone_recon.config.keys import KEYS
from ozone_recon.config.kinds import DURATION, HOST, SERVER, SIZE, Address
from ozone_recon.config.settings import variable_of
from ozone_recon.errors import ConfigError
from ozone_recon.model.container_health import HealthRules, PlacementPolicy


def site(directory: Path, name: str = "ozone-site.xml", **properties: str) -> Path:
    rows = "".join(
        f"<property><name>{key.replace('__', '-').replace('_', '.')}</name><value>{value}</value></property>"
        for key, value in properties.items()
    )
    (directory / name).write_text(f"<?xml version='1.0'?><configuration>{rows}</configuration>")
    return directory


def test_without_any_setting_ozones_defaults_hold() -> None:
    config = Config.load()
    assert config.http == Address("0.0.0.0", 9888)
    assert config.om.addresses == ("http://localhost:9874",)
    assert config.om_rpc == {"": "localhost:9862"}
    assert (config.om_delta_limit, config.om_delta_lag_threshold) == (50_000, 0)
    assert (config.om.connect_timeout, config.om_initial_delay) == (5, 60)
    assert config.memory_limit == 512 << 20
    assert (config.data_dir, config.om_service_ids, config.filesystem_paths, config.heatmap) == (
        None,
        None,
        False,
        False,
    )


def test_every_default_is_a_value_of_its_kind_and_every_key_is_named_once() -> None:
    for key in KEYS:
        key.kind.read(key.default)
    names = [name for key in KEYS for name in (key.name, *key.older)]
    assert len({variable_of(name) for name in names}) == len(names)


def test_the_command_line_wins_over_the_environment_over_ozone_site_over_core_site(tmp_path: Path) -> None:
    key = "ozone.recon.db.dir"
    site(tmp_path, "core-site.xml", ozone_recon_db_dir="/core")
    assert Config.load(tmp_path).data_dir == Path("/core")
    site(tmp_path, ozone_recon_db_dir="/site")
    assert Config.load(tmp_path).data_dir == Path("/site")
    assert Config.load(tmp_path, {f"OZONE-SITE.XML_{key}": "/image"}).data_dir == Path("/image")
    assert Config.load(tmp_path, {"OZONE_RECON_DB_DIR": "/shell"}).data_dir == Path("/shell")
    assert Config.load(tmp_path, {"OZONE_RECON_DB_DIR": "/shell"}, {key: "/flag"}).data_dir == Path("/flag")


def test_the_environment_may_name_the_directory_of_ozone_site(tmp_path: Path) -> None:
    site(tmp_path, ozone_recon_db_dir="/site")
    assert Config.load(environment={"OZONE_CONF_DIR": str(tmp_path)}).data_dir == Path("/site")
    with pytest.raises(ConfigError, match="does not exist: set --conf-dir or OZONE_CONF_DIR"):
        Config.load(tmp_path / "missing")


def test_a_final_property_stays(tmp_path: Path) -> None:
    (tmp_path / "core-site.xml").write_text(
        "<configuration><property><name>ozone.recon.db.dir</name><value>/core</value><final>true</final></property></configuration>"
    )
    site(tmp_path, ozone_recon_db_dir="/site")
    assert Config.load(tmp_path).data_dir == Path("/core")


def test_properties_may_be_attributes_and_of_two_the_last_counts(tmp_path: Path) -> None:
    (tmp_path / "ozone-site.xml").write_text(
        "<configuration><property name='ozone.recon.db.dir' value='/one'/>"
        "<property><name> ozone.recon.db.dir </name><value> /two </value><tag>RECON</tag></property></configuration>"
    )
    assert Config.load(tmp_path).data_dir == Path("/two")


def test_variables_are_replaced_as_hadoop_does(tmp_path: Path) -> None:
    site(
        tmp_path,
        ozone_recon_db_dir="${base}/${user.name}/${unknown}${env.TAIL:-x}${env.HEAD}",
        base="${root}/recon",
        root="/r",
    )
    expected = Path(f"/r/recon/{getpass.getuser()}/${{unknown}}xh")
    assert Config.load(tmp_path, {"HEAD": "h"}).data_dir == expected
    site(tmp_path, ozone_recon_db_dir="${a}", a="${b}", b="${a}")
    with pytest.raises(ConfigError, match=r"ozone.recon.db.dir = .*remove the cycle"):
        Config.load(tmp_path)


def test_older_spellings_still_work(tmp_path: Path) -> None:
    assert Config.load(site(tmp_path, recon_om_socket_timeout="7s")).om.read_timeout == 7
    both = site(tmp_path, recon_om_socket_timeout="7s", ozone_recon_om_socket_timeout="8s")
    assert Config.load(both).om.read_timeout == 8


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("ozone.recon.om.socket.timeout", "5 minutes", "a whole number with ns, us, ms, s, m, h or d"),
        ("ozone.recon.om.socket.timeout", "-5s", "a whole number"),
        ("ozone.recon.rebuild.memory.limit", "lots", "a number with B, KB, MB, GB, TB or PB"),
        ("ozone.recon.http-address", "localhost:99999", "host:port"),
        ("ozone.recon.heatmap.enable", "yes", "true or false"),
        ("ozone.http.policy", "HTTP", "one of HTTP_ONLY, HTTPS_ONLY, HTTP_AND_HTTPS"),
        ("ozone.recon.task.thread.count", "-1", "a whole number, 0 or more"),
        ("recon.om.delta.update.limit", "0", "a whole number, 1 or more"),
        ("ozone.recon.prometheus.http.endpoint", "prometheus:9090", "begins with http:// or https://"),
        ("ozone.recon.db.dirs.permissions", "rwx", "octal"),
    ],
)
def test_a_wrong_value_is_told_with_its_key_its_file_and_what_is_allowed(
    tmp_path: Path, key: str, value: str, allowed: str
) -> None:
    site(tmp_path, **{key.replace("-", "__").replace(".", "_"): value})
    with pytest.raises(ConfigError) as told:
        Config.load(tmp_path)
    for part in (key, repr(value), str(tmp_path / "ozone-site.xml"), allowed):
        assert part in str(told.value)
    with pytest.raises(ConfigError, match=r"in the environment, OZONE-SITE.XML_"):
        Config.load(None, {f"OZONE-SITE.XML_{key}": value})
    with pytest.raises(ConfigError, match=r"in the command line"):
        Config.load(None, None, {key: value})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<configuration><property>", "is not valid XML"),
        ("<html/>", "root element is <html>, not <configuration>"),
        ("<configuration><property><value>x</value></property></configuration>", "without a <name>"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "ozone-site.xml").write_text(text)
    with pytest.raises(ConfigError, match=f"ozone-site.xml.*{why}"):
        Config.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("5m", 300),
        ("1h", 3600),
        ("2d", 172800),
        ("250", 0.25),
        ("250ms", 0.25),
        ("1 M", 60),
        ("5000000ns", 0.005),
    ],
)
def test_durations_are_in_ozones_units(text: str, seconds: float) -> None:
    assert DURATION.read(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("1GB", 1 << 30), ("1024MB", 1 << 30), ("1.5kb", 1536), ("7", 7), ("7B", 7), ("2 t", 2 << 40), ("1PB", 1 << 50)],
)
def test_sizes_are_in_ozones_units(text: str, size: int) -> None:
    assert SIZE.read(text) == size


@given(st.text())
def test_any_text_is_read_or_refused_as_a_value(text: str) -> None:
    for key in KEYS:
        try:
            key.kind.read(text)
        except (ValueError, LookupError):
            continue


def test_addresses_may_be_ipv6() -> None:
    assert keys.HTTP_ADDRESS.kind.read("[::1]:9888") == Address("::1", 9888)
    assert str(Address("::1", 9888)) == "[::1]:9888"
    assert (SERVER.read("om1:9862"), SERVER.read("om1"), SERVER.read("[::1]:9862"), HOST.read("::")) == (
        Address("om1", 9862),
        Address("om1", 0),
        Address("::1", 9862),
        "::",
    )


def test_the_bind_host_wins_over_the_address(tmp_path: Path) -> None:
    site(tmp_path, ozone_recon_http__address="recon.example:1234", ozone_recon_http__bind__host="127.0.0.1")
    assert Config.load(tmp_path).http == Address("127.0.0.1", 1234)


def test_the_metadata_directory_stands_in_for_the_data_directory(tmp_path: Path) -> None:
    config = Config.load(site(tmp_path, ozone_metadata_dirs="/a, /b"))
    assert config.require_data_dir() == Path("/a/recon")
    with pytest.raises(ConfigError, match=r"use --data-dir, or set ozone\.recon\.db\.dir"):
        Config.load().require_data_dir()


def test_the_oms_web_server_is_where_its_rpc_is_unless_said_otherwise(tmp_path: Path) -> None:
    assert Config.load(site(tmp_path, ozone_om_address="om.example:9862")).om.addresses == ("http://om.example:9874",)
    said = site(tmp_path, ozone_om_address="om.example", ozone_om_http__address="web.example:80")
    assert Config.load(said).om.addresses == ("http://web.example:80",)


def test_every_om_of_a_service_is_asked(tmp_path: Path) -> None:
    ha = {
        "ozone_om_service_ids": "s1",
        "ozone_om_nodes_s1": "a,b",
        "ozone_om_address_s1_a": "om-a",
        "ozone_om_address_s1_b": "om-b:9863",
        "ozone_om_https__address_s1_b": "0.0.0.0:1875",
    }
    config = Config.load(site(tmp_path, **ha))
    assert config.om.addresses == ("http://om-a:9874", "http://om-b:9874")
    assert list(config.om_rpc.items()) == [("a", "om-a:9862"), ("b", "om-b:9863")]
    assert config.om_service_ids == "s1"
    secure = Config.load(site(tmp_path, **ha, ozone_http_policy="https_only"))
    assert secure.om.addresses == ("https://om-a:9875", "https://om-b:1875")


def test_om_services_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"ozone.om.service.ids lists several services \(s1, s2\): set ozone.om.internal"
    ):
        Config.load(site(tmp_path, ozone_om_service_ids="s1,s2"))
    with pytest.raises(ConfigError, match=r"ozone.om.nodes.s1 is not set"):
        Config.load(site(tmp_path, ozone_om_service_ids="s1"))
    with pytest.raises(ConfigError, match=r"ozone.om.internal.service.id = 's3' is not in ozone.om.service.ids: s1"):
        Config.load(site(tmp_path, ozone_om_service_ids="s1", ozone_om_internal_service_id="s3"))


def test_a_protection_we_lack_is_not_left_out_silently(tmp_path: Path) -> None:
    asked = {"ozone_http_policy": "HTTPS_ONLY"}
    with pytest.raises(ConfigError, match=r"set ozone.recon.http.unprotected.allowed=true"):
        Config.load(site(tmp_path, **asked)).require_protection()
    Config.load(site(tmp_path, **asked, ozone_recon_http_unprotected_allowed="true")).require_protection()
    Config.load().require_protection()


def test_the_heatmap_needs_a_provider(tmp_path: Path) -> None:
    assert not Config.load(site(tmp_path, ozone_recon_heatmap_enable="true")).heatmap
    assert Config.load(site(tmp_path, ozone_recon_heatmap_enable="true", ozone_recon_heatmap_provider="x.Y")).heatmap


def test_the_page_of_all_keys_is_what_the_table_makes() -> None:
    docs = Path(__file__).parents[2] / "docs"
    made = runpy.run_path(str(docs / "generate.py"))["configuration"]()
    assert (docs / "configuration.md").read_text() == made, "run `python docs/generate.py`"


def test_no_cluster_is_followed_unless_somebody_says_where_scm_is(tmp_path: Path) -> None:
    assert Config.load().cluster is None
    for said, address in (
        ({"ozone_scm_names": "scm.example"}, "scm.example:9860"),
        ({"ozone_scm_names": "scm.example:9861", "ozone_scm_client_port": "1860"}, "scm.example:1860"),
        ({"ozone_scm_names": "other", "ozone_scm_client_address": "scm.example"}, "scm.example:9860"),
        ({"ozone_scm_client_address": "scm.example:1860", "ozone_scm_client_port": "9"}, "scm.example:1860"),
    ):
        cluster = Config.load(site(tmp_path, **said)).cluster
        assert cluster is not None
        assert cluster.scms == {"": address}
        nowhere = dict.fromkeys(("ozone.scm.names", "ozone.scm.client.address"), "")
        assert Config.load(tmp_path, flags=nowhere).cluster is None


def test_every_scm_of_a_service_is_asked(tmp_path: Path) -> None:
    ha = {
        "ozone_scm_service_ids": "s1",
        "ozone_scm_nodes_s1": "a,b,c",
        "ozone_scm_address_s1_a": "scm-a",
        "ozone_scm_address_s1_b": "scm-b",
        "ozone_scm_address_s1_c": "scm-c",
        "ozone_scm_client_address_s1_b": "ignored:1860",
        "ozone_scm_client_port_s1_c": "2860",
        "ozone_scm_names": "scm-a,scm-b,scm-c",
    }
    cluster = Config.load(site(tmp_path, **ha)).cluster
    assert cluster is not None
    assert list(cluster.scms.items()) == [("a", "scm-a:9860"), ("b", "scm-b:1860"), ("c", "scm-c:2860")]
    assert cluster.rpc.attempts == 4


def test_scm_services_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    two = {"ozone_scm_service_ids": "s1,s2", "ozone_scm_nodes_s2": "a", "ozone_scm_address_s2_a": "scm-a"}
    with pytest.raises(ConfigError, match=r"several services \(s1, s2\): set ozone.scm.default.service.id"):
        Config.load(site(tmp_path, **two))
    cluster = Config.load(site(tmp_path, **two, ozone_scm_default_service_id="s2")).cluster
    assert cluster is not None
    assert cluster.scms == {"a": "scm-a:9860"}
    with pytest.raises(ConfigError, match=r"ozone.scm.nodes.s1 is not set"):
        Config.load(site(tmp_path, ozone_scm_service_ids="s1"))
    with pytest.raises(ConfigError, match=r"ozone.scm.address.s1.a is not set"):
        Config.load(site(tmp_path, ozone_scm_service_ids="s1", ozone_scm_nodes_s1="a"))


def test_how_the_cluster_is_followed(tmp_path: Path) -> None:
    there = {"ozone_scm_names": "scm"}
    cluster = Config.load(site(tmp_path, **there)).cluster
    assert cluster is not None
    assert (cluster.host, cluster.port) == ("0.0.0.0", 9891)
    assert cluster.intervals == Intervals(300, 600, 180)
    assert cluster.rules == HealthRules()
    rpc = cluster.rpc
    assert (rpc.call_timeout, rpc.pause, rpc.retry_for, rpc.attempts) == (60, 2, 6, 4)
    assert cluster.pace == ScmPace(21_600, 60, 60, 300, 30)
    said = {
        "ozone_recon_datanode_address": "recon.example:1891",
        "ozone_recon_datanode_bind_host": "10.0.0.1",
        "ozone_scm_stale_node_interval": "4m",
        "ozone_recon_scmconfig_ozone_scm_stale_node_interval": "2m",
        "ozone_scm_dead_node_interval": "20m",
        "ozone_recon_scmclient_max_retry_timeout": "1m",
        "ozone_scm_container_placement_impl": "com.example.Somewhere",
    }
    cluster = Config.load(site(tmp_path, **there, **said)).cluster
    assert cluster is not None
    assert (cluster.host, cluster.port) == ("10.0.0.1", 1891)
    assert cluster.intervals == Intervals(120, 1200, 180)
    assert (cluster.rpc.retry_for, cluster.rpc.attempts) == (60, 4)
    assert cluster.rules.placement is PlacementPolicy.ANYWHERE
