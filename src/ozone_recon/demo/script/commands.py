"""Executes the commands of the day's script, and those typed while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from ozone_recon.config.kinds import SIZE
from ozone_recon.demo.om.namespace import NO_QUOTA, SimulatedBucket
from ozone_recon.demo.refusal import Refused
from ozone_recon.demo.script.faults import Faults
from ozone_recon.demo.script.words import explained, parse
from ozone_recon.demo.script.workload import Workload
from ozone_recon.demo.world import World
from ozone_recon.errors import BadRequest

_MANY: Final = 100_000
"""The maximum number of keys deleted by one command."""


class PowerSwitch(Protocol):
    """A server that can be stopped and started."""

    def turn(self, *, on: bool) -> None:
        """Starts or stops it."""


class DayCommands:
    """Executes lines: an unknown command raises BadRequest, one that cannot be carried out Refused."""

    def __init__(
        self, world: World, workload: Workload, forget: Callable[[], None], servers: Mapping[str, PowerSwitch]
    ) -> None:
        """`forget` discards OM's log; `servers` are those named `om` and `scm`."""
        self._world, self._workload, self._servers = world, workload, servers
        faults = Faults(world)
        self._when = world.clock.now
        self._forget = forget
        self._do: dict[str, Callable[..., None]] = {
            "load": self._load,
            "remove": self._remove,
            "rename": lambda bucket, path, to: world.keys.rename(self._bucket(bucket), path, to),
            "upload": lambda bucket, key, parts: workload.begin_upload(self._bucket(bucket), key, int(parts)),
            "complete": lambda bucket, key: workload.end_upload(self._bucket(bucket), key, complete=True),
            "abort": lambda bucket, key: workload.end_upload(self._bucket(bucket), key, complete=False),
            "hsync": lambda bucket, key: workload.hold(self._bucket(bucket), key),
            "finish": lambda bucket, key: workload.finish(self._bucket(bucket), key),
            "quota": self._quota,
            "snapshot": lambda bucket, name: world.snapshots.create(self._bucket(bucket), name),
            "unsnapshot": lambda bucket, name: world.snapshots.delete(self._bucket(bucket), name),
            "deletion": self._deletion,
            "kill": lambda name: faults.run(name, on=False),
            "start": lambda name: faults.run(name, on=True),
            "decommission": lambda name: faults.leave(name, "DECOMMISSIONING"),
            "maintenance": lambda name: faults.leave(name, "ENTERING_MAINTENANCE"),
            "recommission": lambda name: world.scm.recommission(faults.datanode(name)),
            "quasi-close": lambda count: faults.quasi_close(int(count)),
            "force-close": faults.force_close,
            "corrupt": lambda count: faults.corrupt(int(count)),
            "mismatch": lambda count: faults.mismatch(int(count)),
            "repair": faults.repair,
            "replication": self._replication,
            "om": self._om,
            "scm": lambda state: self._turn("scm", state),
        }

    def do(self, line: str, when: float) -> None:
        """Executes a line; `when` is the time in the script's days, from which keys get their names."""
        self._when = when
        command = parse(line)
        if command is None:
            raise BadRequest(f"unknown command {line!r}; the commands are:\n{explained()}")
        name, arguments = command
        try:
            self._do[name](*arguments)
        except ValueError as error:
            raise BadRequest(f"{line!r}: {error}") from error

    def _bucket(self, name: str) -> SimulatedBucket:
        bucket = self._world.namespace.buckets.get(name)
        if bucket is None or bucket.info.is_link:
            raise BadRequest(f"there is no bucket {name}; the buckets are {', '.join(self._world.namespace.buckets)}")
        return bucket

    def _load(self, bucket: str, keys: str, hours: str | None, directory: str | None) -> None:
        count = round(int(keys) * self._world.plan.load)
        seconds = float(hours or 1) * self._world.plan.hour
        self._workload.load(self._bucket(bucket), count, seconds, self._when, directory)

    def _remove(self, name: str, path: str) -> None:
        bucket = self._bucket(name)
        if bucket.is_fso:
            self._world.keys.delete_directory(bucket, path)
            return
        table, prefix = self._world.namespace.key_row(bucket, path)
        begin = len(self._world.namespace.key_row(bucket, "")[1])
        found = [row[begin:].decode() for row, _ in self._world.rows.scan(table, prefix)]
        for key in found[:_MANY]:
            self._world.keys.delete(bucket, key)

    def _quota(self, name: str, size: str) -> None:
        bucket = self._bucket(name)
        if size == "none":
            limit = NO_QUOTA
        elif size.endswith("%"):
            limit = int(bucket.info.used_bytes * float(size[:-1]) / 100)
        else:
            limit = SIZE.read(size)
        self._world.namespace.set_quota(bucket, limit)

    def _deletion(self, switch: str) -> None:
        self._world.deletes = _is(switch, "on", "off")

    def _replication(self, switch: str) -> None:
        self._world.scm.replication.enabled = _is(switch, "on", "off")

    def _om(self, state: str) -> None:
        if state == "forget":
            self._forget()
        else:
            self._turn("om", state)
            self._world.om_runs = state == "start"

    def _turn(self, server: str, state: str) -> None:
        on = _is(state, "start", "stop")
        if server not in self._servers:
            raise Refused(f"{server} is not part of this cluster")
        self._servers[server].turn(on=on)


def _is(text: str, yes: str, no: str) -> bool:
    """Whether `text` is `yes` rather than `no`; raises ValueError when it is neither."""
    if text not in (yes, no):
        raise ValueError(f"expected {yes} or {no}")
    return text == yes
