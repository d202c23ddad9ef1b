"""Joins the models of OM and SCM into one cluster, without servers, and advances them in time."""

from __future__ import annotations

import random
from typing import Final

from ozone_recon.demo.om.content import Clock, ClusterContent
from ozone_recon.demo.om.deleting import DeletionServices
from ozone_recon.demo.om.keys import Keys
from ozone_recon.demo.om.namespace import SimulatedNamespace, TableRows
from ozone_recon.demo.om.uploads import Snapshots, Uploads
from ozone_recon.demo.om.values import encode_transaction_info
from ozone_recon.demo.plan import Plan
from ozone_recon.demo.scm.scm import SimulatedScm
from ozone_recon.demo.scm.stock import Stock
from ozone_recon.model.om import TransactionInfo

_TERM: Final = 1
_SERVICE_INTERVAL: Final = 0.2
"""Seconds between two runs of OM's deletion services."""


class World:
    """The state that the servers show and the script changes; call `step` regularly."""

    def __init__(self, plan: Plan, rows: TableRows, now: float) -> None:
        """Creates the cluster in empty tables."""
        self.plan = plan
        self.chance = random.Random(plan.seed)
        self.clock = Clock(now)
        self.scm = SimulatedScm(plan, self.chance, now)
        self.rows = rows
        self.namespace = SimulatedNamespace(rows, self.clock.ms)
        self.keys = Keys(self.namespace, lambda replication, size: self.scm.allocate(replication, size, self.clock.now))
        self.uploads = Uploads(self.namespace, self.keys, self.chance)
        self.snapshots = Snapshots(self.namespace, self.chance)
        self.deleting = DeletionServices(self.namespace, self.keys)
        self.om_runs = True
        """Whether OM is up."""
        self.deletes = True
        """Whether OM's deletion services are on."""
        self._services_ran = now
        ClusterContent(plan, self.namespace, self.clock, self.chance).create(Stock(self.scm, plan, now))

    def step(self, now: float) -> None:
        """Advances the cluster to `now`, in seconds since 1970, and commits what OM has written."""
        self.clock.now = now
        if self.om_runs and self.deletes and now - self._services_ran >= _SERVICE_INTERVAL:
            self._services_ran = now
            self.deleting.empty_directories()
            self.scm.delete(self.deleting.purge(), now)
        self.scm.step(now)
        self.commit()

    def commit(self) -> None:
        """Commits OM's pending writes together with its transaction index."""
        info = encode_transaction_info(TransactionInfo(_TERM, self.namespace.index))
        if self.rows.get("transactionInfoTable", b"#TRANSACTIONINFO") != info:
            self.rows.put("transactionInfoTable", b"#TRANSACTIONINFO", info)
        self.rows.commit()
