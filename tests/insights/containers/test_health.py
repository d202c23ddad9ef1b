"""Container health: the compiled path says what the reference does, since when, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.insights.health_samples import INFO, Cluster, SampleContainer, random_cluster

from ozone_recon.insights.containers.health import build
from ozone_recon.insights.containers.health.lists import unhealthy
from ozone_recon.insights.containers.health.rules import evaluate
from ozone_recon.model.container_health import (
    HealthRules,
    HealthState,
    PlacementPolicy,
    UnhealthyContainer,
    UnhealthyState,
)
from ozone_recon.store.generation import Generation

some_rules = st.builds(
    HealthRules,
    maintenance_replicas=st.integers(0, 4),
    maintenance_redundancy=st.integers(0, 4),
    best_origin_copies=st.integers(1, 4),
    other_origin_copies=st.integers(1, 3),
    placement=st.sampled_from(PlacementPolicy),
    ec_placement=st.sampled_from(PlacementPolicy),
)


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "CHUNK", 3)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with TemporaryDirectory() as directory:
        yield Path(directory)


def healths(generation: Generation) -> list[HealthState]:
    return [HealthState(number) for number in generation.table("container_health")["health"].tolist()]


def listed(generation: Generation) -> list[UnhealthyContainer]:
    """All, by container."""
    table, rows = generation.table("unhealthy"), generation.table("unhealthy_by_container")["row"]
    columns = [table[column].tolist() for column in ("container", "state", "since", "expected", "actual")]
    found = [UnhealthyContainer(one, UnhealthyState(state), *more) for one, state, *more in zip(*columns, strict=True)]
    assert [(row.state, row.container_id) for row in found] == sorted((row.state, row.container_id) for row in found)
    return [found[row] for row in rows.tolist()]


def by_reference(
    cluster: Cluster,
    rules: HealthRules,
    before: Mapping[int, HealthState],
    since: Mapping[tuple[int, UnhealthyState], int],
    now: int,
) -> tuple[list[HealthState], list[UnhealthyContainer]]:
    cases = cluster.cases(rules)
    said = [
        before.get(one.info.container_id, HealthState.HEALTHY)
        if one.possibly_missing and one.info.state != "0"
        else evaluate(case)
        for one, case in zip(cluster.containers, cases, strict=True)
    ]
    return said, [row for case, health in zip(cases, said, strict=True) for row in unhealthy(case, health, since, now)]


@settings(deadline=None, max_examples=150)
@given(st.randoms(use_true_random=False), some_rules)
def test_compiled_path_says_what_the_reference_does(place: Path, random: Random, rules: HealthRules) -> None:
    with TemporaryDirectory(dir=place) as directory:
        then, now = random_cluster(random, random.randint(0, 6)), random_cluster(random, random.randint(0, 6))
        before = then.generation(Path(directory) / "then", None, rules, 1000)
        said, rows = by_reference(then, rules, {}, {}, 1000)
        assert (healths(before), listed(before)) == (said, rows)
        ids = [one.info.container_id for one in then.containers]
        after = now.generation(Path(directory) / "now", before, rules, 2000)
        assert (healths(after), listed(after)) == by_reference(
            now,
            rules,
            dict(zip(ids, said, strict=True)),
            {(row.container_id, row.state): row.since for row in rows},
            2000,
        )


def test_reference_and_compiled_form_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "CHUNK", 1 << 10)
    seen: set[HealthState] = set()
    lists: set[UnhealthyState] = set()
    for seed in range(40):
        cluster = random_cluster(Random(seed), 300)
        generation = cluster.generation(tmp_path / str(seed))
        said, rows = by_reference(cluster, HealthRules(), {}, {}, 1000)
        assert (healths(generation), listed(generation)) == (said, rows)
        seen.update(said)
        lists.update(row.state for row in rows)
    assert seen == set(HealthState)
    assert lists == set(UnhealthyState) - {UnhealthyState.ALL_REPLICAS_BAD}


def test_containers_are_counted_by_size(tmp_path: Path) -> None:
    sizes = [-5, 0, 1, 1 << 29, (1 << 29) + 1, 1 << 30, 1 << 49, (1 << 49) + 1, (1 << 50) - 1, 1 << 50, (1 << 63) - 1]
    containers = [
        SampleContainer(replace(INFO, container_id=number, used_bytes=size, state=state))
        for number, (size, state) in enumerate((size, state) for state in ("OPEN", "DELETED", "0") for size in sizes)
    ]
    table = Cluster((), tuple(containers)).generation(tmp_path / "generation").table("container_sizes")
    counted = dict(zip(table["upper_bound"].tolist(), table["containers"].tolist(), strict=True))
    assert list(counted) == [0, *(1 << power for power in range(29, 51)), (1 << 63) - 1]
    assert {bound: count for bound, count in counted.items() if count} == {
        0: 2,
        1 << 29: 2,
        1 << 30: 2,
        1 << 49: 1,
        1 << 50: 2,
        (1 << 63) - 1: 2,
    }
