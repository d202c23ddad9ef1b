"""The operator pages: settings without secrets, metrics as beans, threads."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from tests.api.asking import ask
from tests.api.cluster_answers import following

FLAGS = {
    "hdds.prometheus.endpoint.token": "a-secret",
    "ssl.server.keystore.password": "a-secret",
    "my.S3.access.key": "a-secret",
    "fs.s3a.secret": "a-secret",
    "ozone.recon.http.readers": "<rob> & rita",
}
JSON = {"accept": "application/json"}


def beans(query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(following(), f"/jmx{query}").json()["beans"]
    return found


def test_conf_as_xml_and_as_json() -> None:
    app = following(flags=FLAGS)
    answer = ask(app, "/conf")
    assert answer.headers["content-type"].startswith("text/xml")
    rows = {row.findtext("name"): row for row in ET.fromstring(answer.content)}
    listed = {one["key"]: one for one in ask(app, "/conf", headers=JSON).json()["properties"]}
    assert rows.keys() == listed.keys()
    for name, value in FLAGS.items():
        expected = value if name == "ozone.recon.http.readers" else "<redacted>"
        assert rows[name].findtext("value") == listed[name]["value"] == expected
        assert listed[name]["resource"] == "the command line"
    assert "a-secret" not in answer.text
    assert listed["ozone.recon.http-address"]["resource"] == "the default"


def test_one_property() -> None:
    app = following(flags=FLAGS)
    one = ask(app, "/conf?name=ozone.recon.http.readers", headers=JSON).json()["property"]
    assert (one["value"], one["isFinal"]) == ("<rob> & rita", False)
    assert len(ET.fromstring(ask(app, "/conf?name=ozone.recon.http.readers").content)) == 1
    assert ask(app, "/conf?name=nothing").status_code == 404
    assert "a-secret" not in ask(app, "/conf?name=fs.s3a.secret", headers=JSON).text


def test_jmx_selects_beans() -> None:
    names = [one["name"] for one in beans()]
    assert "java.lang:type=Runtime" in names
    assert "Hadoop:service=Recon,name=ozone_recon_build_info" in names
    assert [one["name"] for one in beans("?qry=java.lang:type=*")] == ["java.lang:type=Runtime"]
    assert beans("?qry=java.lang:[a-z]*") == []
    (one,) = beans("?get=java.lang:type=Runtime::Uptime")
    assert set(one) == {"name", "modelerType", "Uptime"}


@pytest.mark.parametrize("get", ["nothing", "nothing::a", "java.lang:type=Runtime::nothing", "::"])
def test_an_unknown_attribute_is_not_found(get: str) -> None:
    assert ask(following(), f"/jmx?get={get}").status_code == 404


def test_stacks_name_the_threads() -> None:
    answer = ask(following(), "/stacks")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "MainThread" in answer.text
    assert "in stacks" in answer.text
