"""Two datanodes as the sample messages describe them."""

from __future__ import annotations

from dataclasses import replace

from tests.decode.cluster.scm_messages import (
    NODE,
    OTHER_NODE,
)

from ozone_recon.model.scm import (
    DatanodeDetails,
)

DATANODE = DatanodeDetails(
    uuid=NODE,
    ip_address="10.0.0.1",
    host_name="dn1",
    ports=(("RATIS", 9858), ("STANDALONE", 9859)),
    network_name=NODE,
    network_location="/rack1",
    level=3,
    op_state="DECOMMISSIONING",
    op_state_expiry=1_795_000_000,
    current_version=3,
    cert_serial_id=None,
)
OTHER_DATANODE = replace(DATANODE, uuid=OTHER_NODE, network_name=OTHER_NODE)
