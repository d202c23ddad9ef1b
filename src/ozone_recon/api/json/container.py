"""Serialises container fields shared by several routes, directly from columns."""

from __future__ import annotations

import numpy as np

from ozone_recon.api.json.om import FACTORS, replication_json
from ozone_recon.api.json.rows import chosen, texts
from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.byte_slices import ByteSlices, joined, same_slices, slices_of_texts
from ozone_recon.decode.dictionary import DictionaryColumn
from ozone_recon.insights.cluster.tables import CONTAINERS
from ozone_recon.insights.containers.listing import pipelines_of
from ozone_recon.insights.om.key_rows import read_replication
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.model.scm import ContainerState
from ozone_recon.store.columns import Array
from ozone_recon.store.generation import Generation

STATES = ("UNKNOWN", *(state.name for state in ContainerState))
"""State names, indexed by the stored state number."""


def container_states(states: Array) -> ByteSlices:
    """Serialises container states as their names."""
    return chosen(DictionaryColumn(STATES, np.where(states < len(STATES), states, 0).astype(np.int64)), str)


def pipeline_ids(generation: Generation, rows: Int64s, before: bytes = b"", after: bytes = b"") -> ByteSlices:
    """Serialises the pipeline ID of each container between the texts `before` and `after`; null if there is none."""
    ids = pipelines_of(generation, rows)
    present = ids.starts < ids.ends
    begin, end, none = (same_slices(text, len(rows)) for text in (before, after, b"null"))
    return slices_of_texts(
        joined([begin.masked(present), texts(ids).masked(present), end.masked(present), none.masked(~present)])
    )


def replications(generation: Generation, rows: Int64s) -> ByteSlices:
    """Serialises the replication of each container as a ReplicationJson."""
    index, known = _replications(generation, rows)
    return chosen(DictionaryColumn(known, index), replication_json)


def replication_factors(generation: Generation, rows: Int64s) -> ByteSlices:
    """Serialises the replication factor of each container, ONE or THREE; an empty slice for EC."""
    index, known = _replications(generation, rows)
    is_factor = np.array([one.kind != "EC" for one in known], np.bool_)
    factors = chosen(DictionaryColumn(known, index), lambda one: FACTORS.get(one.factor, str(one.factor)))
    return factors.masked(is_factor[index])


def _replications(generation: Generation, rows: Int64s) -> tuple[Int64s, list[ReplicationConfig]]:
    index = generation.table(CONTAINERS)["replication"][rows].astype(np.int64)
    return index, [read_replication(generation, number) for number in range(generation.table("replications").rows)]
