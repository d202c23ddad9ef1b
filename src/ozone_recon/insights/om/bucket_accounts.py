"""Explains OM's quota usage of each bucket: assigns every committed key and open part to one account.

The accounts of a bucket add up to OM's `usedBytes` and `usedNamespace`, as far as its database shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from ozone_recon.columnar.amounts import add_sums, bounded, sum_amounts, sum_by
from ozone_recon.columnar.byte_column import Int64s
from ozone_recon.columnar.byte_slices import slices_of_texts
from ozone_recon.decode.om.bucket_info_columns import decode_buckets
from ozone_recon.insights.namespace.nodes import NodeKind
from ozone_recon.insights.namespace.runs import BATCH, NOWHERE, KeyRuns
from ozone_recon.insights.om.multipart_parts import parts_of_uploads
from ozone_recon.store.generation import Generation, GenerationBuild, Table
from ozone_recon.store.schema import Schema

NAME: Final = "BucketAccounts"
ACCOUNTS: Final = ("committed", "parts", "deleted", "orphaned")
MEASURES: Final = ("keys", "names", "bytes")
OWN: Final = ("used_bytes", "used_namespace", "snapshot_used_bytes", "snapshot_used_namespace")
TABLES: Final[dict[str, Schema]] = {
    # The rows of `om/bucketTable`, then one for keys in no bucket: OM's own numbers and `<account>_<measure>`.
    "bucket_accounts": dict.fromkeys((*OWN, *(f"{a}_{measure}" for a in ACCOUNTS for measure in MEASURES)), "i8"),
}


class Amount(NamedTuple):
    """`keys` counts rows of keyTable and fileTable, or parts; `names` what OM counts: keys and FSO directories.

    `bytes` is replicated bytes.
    """

    keys: int = 0
    names: int = 0
    bytes: int = 0

    def plus(self, other: Amount) -> Amount:
        """Returns the saturating sum of both."""
        return Amount(*(sum_amounts(pair) for pair in zip(self, other, strict=True)))


class Accounts(NamedTuple):
    """OM's own numbers for one or more buckets, and the amounts that make them up.

    `committed`: keys reachable from the bucket, including markers of LEGACY directories. `parts`: parts of open
    multipart uploads. `deleted`: files below directories pending deletion. `orphaned`: files below
    directories that are in no table, because a snapshot holds the directory or rows contradict each other.
    """

    used_bytes: int
    used_namespace: int
    snapshot_used_bytes: int
    snapshot_used_namespace: int
    committed: Amount
    parts: Amount
    deleted: Amount
    orphaned: Amount

    @property
    def explained(self) -> Amount:
        """The sum of all amounts that account for `used_bytes` and `used_namespace`."""
        total = Amount()
        for amount in (self.committed, self.parts, self.deleted, self.orphaned):
            total = total.plus(amount)
        return total


def rebuild(build: GenerationBuild) -> None:
    """Writes `bucket_accounts`; needs the tables of `namespace.summary`."""
    buckets = build.table("om/bucketTable")
    sums = {account: np.zeros((buckets.rows + 1, len(MEASURES)), np.int64) for account in ACCOUNTS}
    _add_trees(build.table("namespace"), sums)
    _add_markers(build, sums["committed"])
    bucket_rows = {key: row for row, key in enumerate(buckets.bytes("key"))}
    uploads = build.table("om/multipartInfoTable").bytes("key")
    for parts in parts_of_uploads(build):
        row_of_upload = {
            row: bucket_rows.get(_bucket_key(uploads[row]), -1) for row in np.unique(parts.upload).tolist()
        }
        rows = np.array([row_of_upload[row] for row in parts.upload.tolist()], np.int64)
        _add(sums["parts"], rows, np.ones(len(rows), np.int64), np.zeros(len(rows), np.int64), parts.replicated_size)
    with build.create("bucket_accounts", TABLES["bucket_accounts"]) as writer:
        writer.append(
            **_own_numbers(buckets),
            **{
                f"{account}_{measure}": table[:, column]
                for account, table in sums.items()
                for column, measure in enumerate(MEASURES)
            },
        )


def accounts_of(generation: Generation, buckets: Iterable[int], *, in_no_bucket: bool = False) -> Accounts:
    """Returns the sums over these rows of `om/bucketTable` and, if `in_no_bucket`, over keys in no bucket."""
    table = generation.table("bucket_accounts")
    rows = [*buckets, *([table.rows - 1] if in_no_bucket else ())]
    own = (bounded(sum(table[name][rows].tolist())) for name in OWN)
    amounts = (
        Amount(*(sum_amounts(table[f"{account}_{measure}"][rows].tolist()) for measure in MEASURES))
        for account in ACCOUNTS
    )
    return Accounts._make((*own, *amounts))


def _own_numbers(buckets: Table) -> dict[str, Int64s]:
    """Returns OM's own numbers for each bucket, 0 for undecodable ones; the last row is for keys in no bucket."""
    good, found = decode_buckets(slices_of_texts(buckets.bytes("value")))
    numbers = {name: np.zeros(buckets.rows + 1, np.int64) for name in OWN}
    for name, column in numbers.items():
        column[good] = getattr(found, name)
    return numbers


def _bucket_key(upload: bytes) -> bytes:
    """Returns `/volume/bucket` of a key of multipartInfoTable, `/volume/bucket/key/uploadId`."""
    return b"/".join(upload.split(b"/", 3)[:3])


def _add(sums: Int64s, rows: Int64s, *columns: Int64s) -> None:
    """Adds columns to the sums by row; row -1 (in no bucket) is the last one."""
    for column, values in enumerate(columns):
        add_sums(sums[:, column], sum_by(rows % len(sums), values, len(sums)))


def _add_trees(nodes: Table, sums: dict[str, Int64s]) -> None:
    """Adds the files below each bucket and below each detached node."""
    kind = nodes["kind"]
    detached = (nodes["parent"] < 0) & (kind > NodeKind.VOLUME)
    directories = np.concatenate(([0], np.cumsum(kind == NodeKind.DIRECTORY)))
    for account, heads in (
        ("committed", kind == NodeKind.BUCKET),
        ("deleted", detached & (kind == NodeKind.DELETED)),
        ("orphaned", detached & (kind != NodeKind.BUCKET) & (kind != NodeKind.DELETED)),
    ):
        at = np.flatnonzero(heads)
        files = nodes["all_files"][at]
        names = files + directories[nodes["end"][at]] - directories[at]
        _add(sums[account], nodes["bucket"][at], files, names, nodes["all_replicated_size"][at])


def _add_markers(build: GenerationBuild, committed: Int64s) -> None:
    """Adds the markers of LEGACY directories: they are not files, but OM counts them."""
    cuts, groups, keys = build.table("namespace_cuts"), build.table("groups"), build.table("keys")
    runs = KeyRuns(np.array(cuts["first"]), np.array(cuts["place"], np.int64))
    if not (runs.node == NOWHERE).any():
        return
    for chunk in keys.chunks(("replicated_size",), BATCH):
        starts, node = runs.within(chunk.first_row, len(chunk))
        markers = starts[node == NOWHERE]  # each marker is a run of one row
        group = np.searchsorted(groups["first_row"], markers + chunk.first_row, side="right") - 1
        ones = np.ones(len(markers), np.int64)
        _add(committed, groups["bucket"][group], ones, ones, chunk["replicated_size"][markers])
