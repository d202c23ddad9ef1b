"""A simulated cluster as a whole, without its servers: OM and SCM, and how time goes by for both."""

from __future__ import annotations

import random
from typing import Final

from ozone_recon.demo.om.company import Clock, DemoCompany
from ozone_recon.demo.om.deleting import Deleting
from ozone_recon.demo.om.keys import Keys
from ozone_recon.demo.om.namespace import SimulatedNamespace, TableRows
from ozone_recon.demo.om.uploads import Snapshots, Uploads
from ozone_recon.demo.om.values import encode_transaction_info
from ozone_recon.demo.plan import Plan
from ozone_recon.demo.scm.scm import SimulatedScm
from ozone_recon.demo.scm.stock import Stock
from ozone_recon.model.om import TransactionInfo

_TERM: Final = 1
_SERVICES_EVERY: Final = 0.2
"""Seconds between two runs of OM's services."""


class World:
    """What the servers show, and what the script of the day changes; `step` is to be called as time goes by."""

    def __init__(self, plan: Plan, rows: TableRows, now: float) -> None:
        """Founds the cluster in these tables, which are empty."""
        self.plan = plan
        self.chance = random.Random(plan.seed)
        self.clock = Clock(now)
        self.scm = SimulatedScm(plan, self.chance, now)
        self.rows = rows
        self.namespace = SimulatedNamespace(rows, self.clock.ms)
        self.keys = Keys(self.namespace, lambda replication, size: self.scm.allocate(replication, size, self.clock.now))
        self.uploads = Uploads(self.namespace, self.keys, self.chance)
        self.snapshots = Snapshots(self.namespace, self.chance)
        self.deleting = Deleting(self.namespace, self.keys)
        self.om_runs = True
        """Whether there is an OM to write to."""
        self.deletes = True
        """Whether its services for deleting are on."""
        self._served = now
        DemoCompany(plan, self.namespace, self.clock, self.chance).found(Stock(self.scm, plan, now))

    def step(self, now: float) -> None:
        """Does all that is due, and commits what OM has written."""
        self.clock.now = now
        if self.om_runs and self.deletes and now - self._served >= _SERVICES_EVERY:
            self._served = now
            self.deleting.empty_directories()
            self.scm.delete(self.deleting.purge(), now)
        self.scm.step(now)
        self.commit()

    def commit(self) -> None:
        """Commits what OM has written, if it has, and how far it is."""
        info = encode_transaction_info(TransactionInfo(_TERM, self.namespace.index))
        if self.rows.get("transactionInfoTable", b"#TRANSACTIONINFO") != info:
            self.rows.put("transactionInfoTable", b"#TRANSACTIONINFO", info)
        self.rows.commit()
