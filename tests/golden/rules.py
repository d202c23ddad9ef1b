"""The allowed differences from Java Recon's answers; each names its row in docs/compatibility.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.golden.captured import Answer
from tests.golden.differences import ABSENT, Rule


@dataclass(frozen=True)
class Order:
    """A list in another order than Recon's: a page has the same number of elements, each equal to Recon's.

    `at` is the field of the list at the top level of the answer; `key` is the field that identifies an element.
    """

    name: str
    request: str
    at: str
    key: str

    def ordered(self, request: str, java: Any, ours: Any, complete: Any) -> Any:
        """Replaces the page in `java` by the elements of Recon's complete list that `ours` lists, in our order."""
        bodies = (java, ours, complete)
        listed = all(isinstance(body, dict) and isinstance(body.get(self.at), list) for body in bodies)
        if not re.match(self.request, request) or not listed or len(java[self.at]) != len(ours[self.at]):
            return java
        known = {str(element.get(self.key)): element for element in complete[self.at]}
        return java | {self.at: [known.pop(str(element.get(self.key)), None) for element in ours[self.at]]}


def _new(java: Any, ours: Any) -> bool:
    return java is ABSENT


def _nothing(java: Any, ours: Any) -> bool:
    return (java, ours) == (-1, 0) or (java == "" and ours.startswith("/"))


def _one_and_none(java: Any, ours: Any) -> bool:
    return isinstance(java, list) and len(java) == 1 and ours == []


def _no_path(java: Any, ours: Any) -> bool:
    return bool(ours == "")


PAGE = r".*[?&](limit=[1-9]|prevKey=)"
PAGED = re.compile(r"[?&](limit|prevKey)=[^&]*")
"""The query parameters that select a page of a list."""
NEEDS_CLUSTER = (
    r"/(datanodes|pipelines|blocks|storage|utilization/containerCount|"
    r"containers/(missing|mismatch|unhealthy|deleted|quasiClosed|\d+/replicaHistory))"
)
DIRECTORY = r".*startPrefix=/\w+/[\w-]+/[^&]"

ORDERS = (
    Order("key-order", r"/containers/\d+/keys", "keys", "Blocks"),
    Order("open-order", rf"/keys/open{DIRECTORY}", "fso", "key"),
    Order("list-order", rf"/keys/listKeys{DIRECTORY}", "keys", "key"),
    Order("sub-path-order", r"/namespace/usage.*sortSubPaths=false", "subPaths", "path"),
)


def in_our_order(java: Answer, ours: Answer, complete: Mapping[str, Any]) -> Answer:
    """Reorders the lists of Java's answer like ours; `complete` maps requests to Java's answers."""
    body = java.body
    for order in ORDERS:
        body = order.ordered(java.path, body, ours.body, complete.get(PAGED.sub("", java.path), java.body))
    return replace(java, body=body)


RULES: tuple[Rule, ...] = (
    Rule("no-cluster", NEEDS_CLUSTER, r"HTTP|answer", lambda java, ours: ours in (503, ABSENT)),
    Rule("scm-part", r"/clusterState", r"answer\.(storageReport\..*|pipelines|\w+Datanodes|\w*[cC]ontainers)"),
    Rule("not-read", r"/pendingDeletion\?component=scm", r"answer\.\w+", lambda java, ours: ours == -1),
    Rule("tasks", r"/task/status", r"answer.*"),
    Rule(
        "container-totals", r"/containers", r"answer\.(data\.totalContainers|totalKeys|keys\[\]\.ParentDeleted)", _new
    ),
    Rule("om-containers", r"/containers(\?|$)", r"answer\.data\..*"),
    Rule("key-order", rf"/containers/\d+/keys{PAGE}", r"answer\.lastKey"),
    Rule("parent-deleted", r"/containers/\d+/keys", r"answer\.keys\[\]\.CompletePath", _no_path),
    Rule("parent-deleted", r"/keys/listKeys", r"answer\.keys\[\]\.path", _no_path),
    Rule("seek", r"/volumes\?prevKey=no-such-volume", r"answer\..*"),
    Rule("seek", r"/containers/\d+/keys.*prevKey=", r"answer\.(keys|lastKey)", lambda java, ours: java in ([], "")),
    Rule("seek", r"/keys/open.*prevKey=(no-such-key|/|/vol1/obs/)$", r"HTTP|answer.*"),
    Rule("seek", r"/keys/listKeys.*prevKey=/vol1/(obs/no-such|legacy/top)", r"answer\..*"),
    Rule("seek", r"/keys/deletePending\?prevKey=/vol1/obs/deleted1", r"answer\..*"),
    Rule(
        "open-prefix",
        r"/keys/.*startPrefix=vol1/obs",
        r"HTTP|answer",
        lambda java, ours: java in (204, 400, "", ABSENT),
    ),
    Rule("open-prefix", r"/keys/open.*open-fso", r"HTTP|answer", lambda java, ours: java in (204, "")),
    Rule("open-path", r"/keys/open", r"answer\.fso\[\]\.path"),
    Rule("open-order", rf"/keys/open{DIRECTORY}", r"answer\.lastKey"),
    Rule("list-order", rf"/keys/listKeys{DIRECTORY}", r"answer\.lastKey"),
    Rule("list-order", rf"/keys/listKeys{DIRECTORY}{PAGE}", r"answer\.(keys|(unR|r)eplicatedDataSize)"),
    Rule("swapped-sizes", r"/keys/deletePending/summary|/pendingDeletion", r"answer\.\w+(Size|DataSize)"),
    Rule("deleted-times", r"/keys/deletePending/dirs", r"answer\.deletedDirInfo\[\]\.(\w+Time|inStateSince)"),
    Rule("list-nothing", r"/keys/listKeys", r"answer\.(path|\w+DataSize)", _nothing),
    Rule("list-any-path", r"/keys/listKeys", r"HTTP|answer", lambda java, ours: java in (500, ABSENT)),
    Rule("list-nothing", r"/keys/listKeys.*limit=(0|-1)", r"answer\.keys", _one_and_none),
    Rule("list-nothing", r"/keys/listKeys.*limit=(0|-1)", r"answer\.(lastKey|path|\w+DataSize)"),
    Rule("du", r"/namespace/du", r"HTTP|answer"),
    Rule("scm-part", r"/namespace/quota\?path=/$", r"answer\.allowed", lambda java, ours: ours == 0),
    Rule("namespace-fields", r"/namespace/quota", r"answer\.(usedWithReplica|charged)", _new),
    Rule("namespace-fields", r"/namespace/summary", r"answer\.objectInfo\.owner", _new),
    Rule(
        "namespace-fields",
        r"/namespace/usage",
        r"answer\.subPaths\[\]\.(kind|files|directories|owner|(newest|oldest)Modification)",
        _new,
    ),
    Rule("normal-path", r"/namespace/(summary|usage)", r"answer\.path", lambda java, ours: java in ("", f"{ours}/")),
    Rule("direct-size", r"/namespace/usage", r"answer\.sizeDirectKey", lambda java, ours: 0 <= ours <= java),
    Rule("file-size", r"/utilization/fileCount.*fileSize=", r"answer", lambda java, ours: len(ours) < len(java)),
)
