"""Configuration values and files that cannot be: one line that names key, value and place, and exit code 2."""

import getpass
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from ozone_recon.cli.main import main
from ozone_recon.config import Config, cluster_keys, keys
from ozone_recon.config.key import Key
from ozone_recon.config.keys import KEYS
from ozone_recon.config.kinds import HOST, SERVER, Address
from ozone_recon.errors import ConfigError

HOSTILE = [
    "", " ", "x", "-1", "0", "1_000", "٣", "1e400", "9" * 30, "9" * 400 + "d", "9" * 400, "0x", "0xffffffffffffffffff",
    "99999999999999999999999d", "NaN", "[", "]", "[]", "[]:1", "[::1", "::1]", "[::1]", "[::1]:", "[::1]:1", "[::]",
    "::", "[::zz]", "[::1]:99999", "a:b:c", "host:", ":1", "host:99999999999", "host:٣", "host:-1", "a b", "a" * 300,
    "a" * 64 + ".b", "a..b", "☃", "http://[", "http://h:99999", "http://", "http://a b/", "http://[::1]:1/", "ftp://h",
    "file://", "rwx", "777", "9999", "${", "${}", "${user.name}", "${user.home}", "true", "TRUE", "null", "a,b,,[",
    "${x}", "'", "%s", "{}", "<", "../..", "/dev/null", "\udcff", "a\nb", "\t",
]  # fmt: skip
BASE = {"ozone.scm.names": "scm"}
"""So that what is about SCM is read too."""
HA = {
    "ozone.om.service.ids": "s", "ozone.om.nodes.s": "n", "ozone.om.address.s.n": "om",
    "ozone.scm.service.ids": "s", "ozone.scm.nodes.s": "n", "ozone.scm.address.s.n": "scm",
}  # fmt: skip
NAMED = [(key, key.name, BASE) for key in KEYS] + [
    (key, f"{key.name}.s.n" if key.per_node else f"{key.name}.s", HA)
    for key in KEYS
    if key.per_node or key in (keys.OM_NODES, cluster_keys.SCM_NODES)
]


def write_properties(directory: Path, properties: dict[str, str]) -> Path:
    def escaped(value: str) -> str:
        return "".join(f"&#{ord(one)};" if one in "<&" else one for one in value)

    rows = "".join(
        f"<property><name>{name}</name><value>{escaped(value)}</value></property>" for name, value in properties.items()
    )
    (directory / "ozone-site.xml").write_text(f"<configuration>{rows}</configuration>", encoding="utf-8")
    return directory


def refusal(
    conf_dir: Path | None = None, environment: dict[str, str] | None = None, flags: dict[str, str] | None = None
) -> str | None:
    """What is said about this configuration; None when nothing is wrong with it."""
    try:
        Config.load(conf_dir, environment, flags)
    except ConfigError as refused:
        return str(refused)
    return None


@pytest.mark.parametrize(("key", "name", "base"), NAMED, ids=[name for _, name, _ in NAMED])
def test_every_value_of_every_key_is_taken_or_refused_in_one_line(
    tmp_path: Path, key: Key[object], name: str, base: dict[str, str]
) -> None:
    for value in HOSTILE:
        told = {"the command line": refusal(flags=base | {name: value})}
        environment = {f"OZONE-SITE.XML_{one}": said for one, said in (base | {name: value}).items()}
        told["the environment"] = refusal(environment=environment)
        if value.isprintable() and "\udcff" not in value:
            told[str(tmp_path / "ozone-site.xml")] = refusal(conf_dir=write_properties(tmp_path, base | {name: value}))
        assert len({line is None for line in told.values()}) == 1, (value, told)
        for where, line in told.items():
            if line is not None:
                assert name in line or " is not set: " in line, line
                assert line.isprintable(), line
                if " is not a " in line:
                    assert where in line, line
                    assert repr(value.strip()[:200])[:-1] in line or "$" in value, line


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_the_command_ends_with_exit_code_2(key: Key[object], tmp_path: Path) -> None:
    for value in HOSTILE:
        if refusal(flags=BASE | {key.name: value}) is None:
            continue
        settings = [f"-D{one}={said}" for one, said in (BASE | {key.name: value}).items()]
        ended = CliRunner().invoke(main, ["open", str(tmp_path), *settings])
        assert (ended.exit_code, len(ended.output.splitlines())) == (2, 1), (value, ended.output)
        break


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("[::1]", "::1", 0), ("[::1]:9862", "::1", 9862), ("::1", "::1", 0), ("om", "om", 0), ("om:1", "om", 1)],
)
def test_a_server_is_a_host_with_or_without_a_port(text: str, host: str, port: int) -> None:
    assert SERVER.read(text) == Address(host, port)


def test_hosts_may_stand_in_brackets_and_ports_may_be_left_out(tmp_path: Path) -> None:
    flags = {"ozone.recon.http-address": "0.0.0.0", "ozone.recon.http-bind-host": "[::]", "ozone.om.address": "[::1]"}
    config = Config.load(flags=flags | {"ozone.scm.names": "[::2]", "ozone.recon.datanode.bind.host": "[::]"})
    assert config.http == Address("::", 9888)
    assert (config.om.addresses, config.om_rpc) == (("http://[::1]:9874",), {"": "[::1]:9862"})
    assert config.cluster is not None
    assert (config.cluster.scms, config.cluster.host) == ({"": "[::2]:9860"}, "::")
    for key, expected in {
        "ozone.om.http-address": "http://[::1]:9874",
        "ozone.om.address": "http://[::1]:9874",
    }.items():
        assert Config.load(flags={key: "[::1]"}).om.addresses == (expected,)
    secure = {"ozone.http.policy": "HTTPS_ONLY", "ozone.om.https-address": "[::1]"}
    assert Config.load(flags=secure).om.addresses == ("https://[::1]:9875",)
    for text in ("[::1]", "::1", "127.0.0.1", "recon-1.example.", "under_score"):
        socket.getaddrinfo(HOST.read(text), 1, flags=0) if text[0] in "[:1" else HOST.read(text)


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nobody)
    found = Config.load(flags=BASE | {"ozone.recon.db.dir": "/data/${user.name}"}).data_dir
    assert found is not None
    assert found.name.isdigit()


XI = 'xmlns:xi="http://www.w3.org/2001/XInclude"'
DIR = "<property><name>ozone.recon.db.dir</name><value>{}</value></property>"


def data_dir(directory: Path, text: str) -> str:
    (directory / "ozone-site.xml").write_text(f"<configuration {XI}>{text}</configuration>")
    return str(Config.load(directory).data_dir)


def test_included_files_are_read_in_place_and_relative_to_the_file(tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    (below / "more.xml").write_text(f'<configuration {XI}><xi:include href="last.xml"/></configuration>')
    (below / "last.xml").write_text(f"<configuration>{DIR.format('/included')}</configuration>")
    include = '<xi:include href="below/more.xml"/>'
    assert data_dir(tmp_path, include) == "/included"
    assert data_dir(tmp_path, include + DIR.format("/after")) == "/after"
    assert data_dir(tmp_path, DIR.format("/before") + include) == "/included"
    for href in (str(below / "last.xml"), (below / "last.xml").as_uri()):
        assert data_dir(tmp_path, f'<xi:include href="{href}"/>') == "/included"
    (below / "last.xml").write_text("<configuration><property><name>ozone.recon.task.thread.count</name>"
                                    "<value>lots</value></property></configuration>")  # fmt: skip
    with pytest.raises(ConfigError, match=r"ozone.recon.task.thread.count = 'lots' \(in .*/below/last.xml\)"):
        data_dir(tmp_path, include)


def test_a_fallback_stands_in_for_a_file_that_is_not_there(tmp_path: Path) -> None:
    fallback = f"<xi:fallback>{DIR.format('/fallback')}</xi:fallback>"
    assert data_dir(tmp_path, f'<xi:include href="gone.xml">{fallback}</xi:include>') == "/fallback"
    assert data_dir(tmp_path, '<xi:include href="gone.xml"><xi:fallback/></xi:include>') == "None"
    (tmp_path / "there.xml").write_text(f"<configuration>{DIR.format('/there')}</configuration>")
    assert data_dir(tmp_path, f'<xi:include href="there.xml">{fallback}</xi:include>') == "/there"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            '<xi:include href="gone.xml"/>',
            r"includes .*gone.xml, which does not exist: create it, or add an <xi:fallback>",
        ),
        ('<xi:include href="http://h/x.xml"><xi:fallback/></xi:include>', "its href must be a file on this machine"),
        ('<xi:include href="file://h/x.xml"/>', "its href must be a file on this machine"),
        ('<xi:include href="//["/>', r"ozone-site.xml has an <xi:include> of '//\['"),
        ("<xi:include/>", "its href must be a file on this machine"),
        ('<xi:include href="ozone-site.xml"/>', "includes .*ozone-site.xml, which includes ozone-site.xml again"),
        ('<xi:include href="wide.xml"/>', "includes more than 100 files"),
        ('<xi:include href="text.xml"/>', "text.xml is not valid XML"),
    ],
)
def test_what_cannot_be_included_is_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "text.xml").write_text("no XML")
    (tmp_path / "leaf.xml").write_text("<configuration/>")
    for name, other in (("wide", "wider"), ("wider", "leaf")):
        many = f'<xi:include href="{other}.xml"/>' * 50
        (tmp_path / f"{name}.xml").write_text(f"<configuration {XI}>{many}</configuration>")
    with pytest.raises(ConfigError, match=why):
        data_dir(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE configuration [<!ENTITY a "b">]><configuration/>',
        '<!DOCTYPE configuration [<!ENTITY a SYSTEM "file:///etc/passwd">]><configuration>&a;</configuration>',
        '<!DOCTYPE configuration SYSTEM "http://h/x.dtd"><configuration>&a;</configuration>',
        '<?xml version="1.0" encoding="nonsense"?><configuration/>',
        "",
        "\x00",
        "<configuration>" * 100_000,
    ],
)
def test_a_file_that_is_no_plain_xml_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "ozone-site.xml").write_text(text)
    with pytest.raises(ConfigError, match=r"ozone-site.xml (is not valid XML|has the entity)"):
        Config.load(tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "ozone-site.xml").mkdir()
    with pytest.raises(ConfigError, match=r"cannot read .*ozone-site.xml: Is a directory"):
        Config.load(tmp_path)
    (tmp_path / "ozone-site.xml").rmdir()
    with (tmp_path / "ozone-site.xml").open("wb") as file:
        file.truncate((16 << 20) + 1)
    with pytest.raises(ConfigError, match="is larger than 16,777,216 bytes"):
        Config.load(tmp_path)
