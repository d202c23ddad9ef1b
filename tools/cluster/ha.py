"""Configures OM and SCM with HA: one service each, whose node n is on 127.0.0.(10 + n).

All addresses of 127.0.0.0/8 are this machine's without any set-up, so a node has the ports it has in production. Only
Ratis and gRPC listen on all addresses: theirs are 1,000 * (n - 1) higher. With --one-host all is on localhost and all
ports are shifted so. A follower SCM then names *itself* as the leader, because it combines the leader's host with its
own port; clients of such a cluster must survive that.
"""

from __future__ import annotations

from tools.cluster.site import Options, kind

SERVICES = {"om": "omservice", "scm": "scmservice"}
OM_ADDRESSES = {"ozone.om.address": 9862, "ozone.om.http-address": 9874}
OM_PORTS = {"ozone.om.ratis.port": 9872}
OM_HOSTS = ("ozone.om.http-bind-host",)
OM_GRPC_PORT = 8981
SCM_ADDRESSES = {
    "ozone.scm.client.address": 9860,
    "ozone.scm.block.client.address": 9863,
    "ozone.scm.datanode.address": 9861,
    "ozone.scm.security.service.address": 9961,
    "ozone.scm.http-address": 9876,
}
SCM_RATIS_PORT = 9894
SCM_PORTS = {"ozone.scm.ratis.port": SCM_RATIS_PORT, "ozone.scm.grpc.port": 9895}
SCM_HOSTS = (
    "ozone.scm.address",
    "ozone.scm.client.bind.host",
    "ozone.scm.block.client.bind.host",
    "ozone.scm.datanode.bind.host",
    "ozone.scm.security.service.bind.host",
    "ozone.scm.http-bind-host",
)
ALONE = {
    "om": ("ozone.om.address", "ozone.om.http-address"),
    "scm": (
        "ozone.scm.names",
        "ozone.scm.client.address",
        "ozone.scm.block.client.address",
        "ozone.scm.datanode.address",
        "ozone.scm.http-address",
    ),
}
"""Settings of a single OM and SCM, which a service's nodes have each for itself."""


def replaced(options: Options) -> list[str]:
    """The settings that the per-node settings replace."""
    return [key for name, keys in ALONE.items() if _count(options, name) > 1 for key in keys]


def settings(options: Options, role: str) -> dict[str, str]:
    """The HA settings of a role."""
    found: dict[str, str] = {}
    if options.oms > 1:
        for n in range(1, options.oms + 1):
            found |= _node(options, "om", n, OM_ADDRESSES, OM_PORTS, OM_HOSTS)
        found |= _service(options, "om")
        if options.listeners:
            listeners = range(options.oms - options.listeners + 1, options.oms + 1)
            found[f"ozone.om.listener.nodes.{SERVICES['om']}"] = ",".join(f"om{n}" for n in listeners)
    if options.scms > 1:
        for n in range(1, options.scms + 1):
            found |= _node(options, "scm", n, SCM_ADDRESSES, SCM_PORTS, SCM_HOSTS)
        found |= _service(options, "scm") | {"ozone.scm.primordial.node.id": "scm1"}
    if role != kind(role) and kind(role) in SERVICES:
        found[f"ozone.{kind(role)}.node.id"] = role
        if kind(role) == "om":
            found["ozone.om.grpc.port"] = str(OM_GRPC_PORT + _moved(int(role[2:])))
    return found


def _service(options: Options, name: str) -> dict[str, str]:
    nodes = ",".join(f"{name}{n}" for n in range(1, _count(options, name) + 1))
    return {f"ozone.{name}.service.ids": SERVICES[name], f"ozone.{name}.nodes.{SERVICES[name]}": nodes}


def _node(
    options: Options, name: str, n: int, addresses: dict[str, int], ports: dict[str, int], hosts: tuple[str, ...]
) -> dict[str, str]:
    """The settings of one node, whose names end with it."""
    host = "localhost" if options.one_host else f"127.0.0.{10 + n}"
    moved = _moved(n) if options.one_host else 0
    found = {key: f"{host}:{port + moved}" for key, port in addresses.items()}
    found |= {key: str(port + _moved(n)) for key, port in ports.items()}
    found |= dict.fromkeys(hosts, host)
    return {f"{key}.{SERVICES[name]}.{name}{n}": value for key, value in found.items()}


def _moved(n: int) -> int:
    return 1000 * (n - 1)


def _count(options: Options, name: str) -> int:
    return options.oms if name == "om" else options.scms
