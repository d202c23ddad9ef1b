"""In CI a suite that is skipped is a failure: a machine without Java or Chromium must not look like a green run."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

SUITES = ("browser", "cluster", "kdc")
"""Marks of tests that need programs which `.ci/run` installs."""


def fail_if_ci(report: pytest.CollectReport | pytest.TestReport) -> None:
    """Makes of a skip a failure that says what the skip says, in CI (environment CI=true)."""
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        # A skip is told as its file, its line, and its reason.
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if any(item.get_closest_marker(suite) for suite in SUITES):
        fail_if_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    # A module that skips itself whole does not say which suites it belongs to.
    report = yield
    fail_if_ci(report)
    return report
