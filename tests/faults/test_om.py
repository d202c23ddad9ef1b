"""What OM has changed comes over a network that breaks: nothing is lost or comes twice, and the log says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.build.generations import assert_same, built
from tests.eventually import eventually
from tests.faults.every_fault import every_fault, is_said
from tests.faults.proxy import Does, Fault, Side, proxy
from tests.follow.om import om_stand_in
from tests.follow.om.om_stand_in import NODE, Om, Served, deltas, om
from tests.sources.rpc_stand_in import QUICK
from tests.wire.rocksdb.batches import as_said
from tools.capture.deltas import Deltas, families_of, sequence_of

from ozone_recon.build.contents import CheckpointContents
from ozone_recon.errors import CheckpointNeeded, ReconError
from ozone_recon.follow.om import sync as om_sync
from ozone_recon.follow.om.changes import OmChanges, OmChangesRead
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.manifest import GenerationInfo

__all__ = ["deltas", "om"]
"""Fixtures."""
PATIENT = replace(QUICK, call_timeout=1)


def in_the_end(changes: OmChanges, about: GenerationInfo) -> tuple[OmChangesRead, list[str]]:
    """What is found at last, and why it was not before."""
    errors: list[str] = []
    while len(errors) < 5:
        try:
            return changes.since(about), errors
        except CheckpointNeeded:
            raise
        except ReconError as error:
            errors.append(str(error))
    raise AssertionError(errors)


@pytest.mark.parametrize("fault", every_fault(5000, 90), ids=str)
def test_changes_come_whole_in_the_end(fault: Fault, om: Om, deltas: Deltas, caplog: pytest.LogCaptureFixture) -> None:
    families = {name: number for number, name in families_of(deltas.before).items()}
    about = GenerationInfo(sequence_of(deltas.before), node=NODE, families=families)
    undisturbed = OmChanges({NODE: om.address}, PATIENT, 50_000, 0)
    with proxy(om.address, fault) as between:
        disturbed = OmChanges({NODE: between.address}, PATIENT, 50_000, 0)
        try:
            found, errors = in_the_end(disturbed, about)
            expected = undisturbed.since(about)
        finally:
            disturbed.close()
            undisturbed.close()
        assert between.connections == 2
        assert as_said(found.changes) == as_said(expected.changes)
        assert (found.latest, found.complete) == (sequence_of(deltas.after), True)
        assert is_said(fault, between.address, caplog, errors)


@pytest.mark.parametrize(
    "fault", [Fault(Does.CUT, at=5000), Fault(Does.GARBAGE, Side.CLIENT, 11), Fault(Does.HUGE)], ids=str
)
def test_a_generation_is_as_if_nothing_had_happened(
    fault: Fault,
    om: Om,
    deltas: Deltas,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(om_sync, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(om_stand_in, "QUICK", PATIENT)
    served = Served()
    with proxy(om.address, fault) as between, DataDirectory.lock(tmp_path / "data") as directory:
        om.address = between.address
        with om.sync(directory, served, interval=0.05) as sync:
            sync.start()
            assert eventually(lambda: served and served[-1].sequence_number == sequence_of(deltas.after))
        assert is_said(fault, between.address, caplog)
        with Checkpoint.open(deltas.after) as after:
            assert_same(served[-1], built(tmp_path / "after", CheckpointContents(after, 1)))
        assert len(served) == 2, "what was served in between was whole"
        assert om.checkpoints == 1
