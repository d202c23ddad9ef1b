"""Makes a second sample: the checkpoint of a real OM with rows in tables that are empty in the first.

    .venv/bin/python -m tools.capture.rare_sample [--out tests/data/rare-om.tar.gz]

It is separate because its OM has an unusual configuration: tenants without the security and the Ranger that they need
(`ozone.om.tenant.dev.skip.ranger`). `RareRows.java` makes the rows: S3 secrets, which OM gives without
Kerberos too, tenants, the layout version that a finalized upgrade leaves, and, by a dozen snapshots, compactions.

Two tables have no rows in either:
  dTokenTable           OM gives delegation tokens only to clients authenticated by Kerberos; without
                        ozone.security.enabled it does not even start their manager
  multipartPartsTable   OM 2.2.0 opens it and never writes to it: no class of its jar but OmMetadataManagerImpl names
                        it, and no request sets the schema version under which parts would be there
"""

from __future__ import annotations

import argparse
import gzip
import sys
import time
from pathlib import Path
from typing import Final

from tools.capture.sample import ASLEEP, HERE, get, sequence_number
from tools.cluster.real import RealCluster
from tools.cluster.site import Site

SET: Final = {"ozone.om.multitenancy.enabled": "true", "ozone.om.tenant.dev.skip.ranger": "true"} | dict.fromkeys(
    ASLEEP, "10h"
)


def main() -> None:
    """Makes the sample."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE.parents[1] / "tests" / "data" / "rare-om.tar.gz")
    parser.add_argument("--om", default="http://localhost:9874")
    options = parser.parse_args()
    cluster = RealCluster(Site.of_environment().home)
    cluster("up", "--datanodes", "1", *(f"--set=om:{key}={value}" for key, value in SET.items()))
    time.sleep(15)  # for a pipeline
    cluster.java(HERE / "RareRows.java")
    time.sleep(5)  # for the last compaction
    status, _, tar = get(f"{options.om}/dbCheckpoint")
    if status != 200:
        sys.exit(f"OM answered {status} instead of its checkpoint")
    print(f"{len(tar)} bytes, at sequence number {sequence_number(tar)}")
    options.out.write_bytes(gzip.compress(tar, 9, mtime=0))
    cluster("down", "--wipe")


if __name__ == "__main__":
    main()
