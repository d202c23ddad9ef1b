"""Compares our answers about the sample with those of Java Recon 2.2.0.

`pytest tests/golden --recon-url http://localhost:9888` sends the requests to a Recon that runs on the sample.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from tests.api.asking import ask
from tests.golden.captured import Answer, captured
from tests.golden.differences import Rule, differences
from tests.golden.routes import COMPATIBILITY, served
from tests.golden.rules import ORDERS, RULES, Order, in_our_order

from ozone_recon.config import Config
from ozone_recon.server.app import application
from ozone_recon.store.generation import Generation

Ask = Callable[[str], httpx.Response]


NEEDED: set[int] = set()
ASKED: set[str] = set()
CAPTURED = [java for java in captured() if served(java)]
WHOLE = {java.path: java.body for java in CAPTURED}


@pytest.fixture(scope="session")
def put(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Sends a request below /api/v1 to the server under test."""
    if url := request.config.getoption("--recon-url"):
        with httpx.Client(base_url=url, timeout=60) as client:
            yield lambda path: client.get("/api/v1" + path)
    else:
        sample: Generation = request.getfixturevalue("sample")
        with application(sample, Config.load()) as app:
            yield lambda path: ask(app, "/api/v1" + path)


@pytest.mark.parametrize("java", CAPTURED, ids=lambda answer: answer.path)
def test_the_answer_is_javas_but_for_the_rules(java: Answer, put: Ask) -> None:
    ASKED.add(java.path)
    answer = put(java.path)
    ours = Answer.of(java.path, answer.status_code, answer.text)
    found = differences(in_our_order(java, ours, WHOLE).compared, ours.compared)
    unexplained = []
    for one in found:
        allowing = [rule for rule in RULES if rule.allows(java.path, one)]
        NEEDED.update(map(id, allowing))
        if not allowing:
            unexplained.append(str(one))
    assert not unexplained, "\n".join(unexplained)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name} {rule.request} {rule.at}")
def test_every_rule_is_needed(rule: Rule, request: pytest.FixtureRequest) -> None:
    if len(ASKED) < len(CAPTURED) or request.config.getoption("--recon-url"):
        pytest.skip("only after all requests, put to our own server")
    assert id(rule) in NEEDED


@pytest.mark.parametrize("rule", [*ORDERS, *RULES], ids=lambda rule: f"{rule.name} {rule.request}")
def test_every_rule_has_its_line_and_its_requests(rule: Order | Rule) -> None:
    assert f"| `{rule.name}` |" in COMPATIBILITY
    assert any(re.match(rule.request, java.path) for java in CAPTURED)
