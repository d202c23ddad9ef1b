"""A skipped suite fails in CI, with the reason of the skip; elsewhere it is skipped, and says why."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

REASONS = ("no maven", "no java", "no chromium")
SKIPS = """
import pytest

pytestmark = pytest.mark.filterwarnings("ignore:Unknown pytest.mark")

@pytest.fixture
def java():
    pytest.skip("no java")

@pytest.mark.cluster
@pytest.mark.skipif(True, reason="no maven")
def test_mark():
    pass

@pytest.mark.cluster
def test_fixture(java):
    pass

@pytest.mark.browser
def test_call():
    pytest.skip("no chromium")

@pytest.mark.cluster
@pytest.mark.xfail(strict=True)
def test_expected_to_fail():
    assert False

def test_quick():
    pytest.skip("needs root")
"""
MODULE_SKIPS = 'import pytest\npytest.skip("no playwright", allow_module_level=True)\n'


def run(pytester: pytest.Pytester, test: str) -> pytest.RunResult:
    pytester.makepyfile(test)
    return pytester.runpytest_inprocess("-ra", "-p", "tests.skips_in_ci")


def test_in_ci_a_skipped_suite_fails_with_its_reason(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    result = run(pytester, SKIPS)
    result.assert_outcomes(failed=1, errors=2, skipped=1, xfailed=1)
    for reason in REASONS:
        result.stdout.re_match_lines_random(f"skipped in CI: .*{reason}")


@pytest.mark.parametrize("ci", ["", "false"])
def test_on_a_users_machine_it_is_skipped_and_says_why(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    monkeypatch.setenv("CI", ci)
    result = run(pytester, SKIPS)
    result.assert_outcomes(skipped=4, xfailed=1)
    for reason in REASONS:
        result.stdout.re_match_lines_random(rf"SKIPPED .*{reason}")


def test_in_ci_a_module_that_skips_itself_whole_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    result = run(pytester, MODULE_SKIPS)
    result.assert_outcomes(errors=1)
    result.stdout.re_match_lines_random("skipped in CI: .*no playwright")
    monkeypatch.delenv("CI")
    run(pytester, MODULE_SKIPS).assert_outcomes(skipped=1)
