"""Every way in which our answers may differ from Java Recon's; each names its line in docs/compatibility.md."""

from __future__ import annotations

from tests.golden.differences import Rule

RULES: tuple[Rule, ...] = (
    Rule("scm-part", r"/clusterState", r"answer\.(storageReport\..*|pipelines|\w+Datanodes|\w*[cC]ontainers)"),
    Rule("tasks", r"/task/status", r"answer.*"),
)
