"""Field numbers of OM's protobuf messages, and the command numbers of OM and SCM, each named once.

The numbers are those of OmClientProtocol.proto, hdds.proto and ScmAdminProtocol.proto of Ozone 2.2.0. Field numbers are
plain integers, so that numba kernels can use them too.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

KEY_VOLUME: Final = 1
KEY_BUCKET: Final = 2
KEY_NAME: Final = 3
KEY_DATA_SIZE: Final = 4
KEY_REPLICATION_TYPE: Final = 5
KEY_REPLICATION_FACTOR: Final = 6
KEY_LOCATION_LISTS: Final = 7
KEY_CREATION_TIME: Final = 8
KEY_MODIFICATION_TIME: Final = 9
KEY_LATEST_VERSION: Final = 10
KEY_METADATA: Final = 11
KEY_ENCRYPTION: Final = 12
KEY_ACLS: Final = 13
KEY_OBJECT_ID: Final = 14
KEY_UPDATE_ID: Final = 15
KEY_PARENT_ID: Final = 16
KEY_EC_CONFIG: Final = 17
KEY_CHECKSUM: Final = 18
KEY_IS_FILE: Final = 19
KEY_OWNER: Final = 20
KEY_TAGS: Final = 21
KEY_EXPECTED_GENERATION: Final = 22
"""KeyInfo: a value of keyTable, fileTable, openKeyTable, openFileTable and deletedDirectoryTable."""

DIRECTORY_NAME: Final = 1
DIRECTORY_CREATION_TIME: Final = 2
DIRECTORY_MODIFICATION_TIME: Final = 3
DIRECTORY_METADATA: Final = 4
DIRECTORY_ACLS: Final = 5
DIRECTORY_OBJECT_ID: Final = 6
DIRECTORY_UPDATE_ID: Final = 7
DIRECTORY_PARENT_ID: Final = 8
DIRECTORY_OWNER: Final = 9
"""DirectoryInfo: a value of directoryTable."""

EC_DATA: Final = 1
EC_PARITY: Final = 2
EC_CODEC: Final = 3
EC_CHUNK: Final = 4
"""ECReplicationConfig: the replication of an erasure-coded key."""

LOCATION_LIST_VERSION: Final = 1
LOCATION_LIST_LOCATIONS: Final = 2
LOCATION_LIST_IS_MULTIPART: Final = 4
"""KeyLocationList: the blocks of one version of a key."""

LOCATION_BLOCK_ID: Final = 1
LOCATION_OFFSET: Final = 3
LOCATION_LENGTH: Final = 4
LOCATION_CREATE_VERSION: Final = 5
LOCATION_PART_NUMBER: Final = 9
"""KeyLocation: one block of a key."""

BLOCK_CONTAINER_BLOCK_ID: Final = 1
BLOCK_COMMIT_SEQUENCE_ID: Final = 2
"""BlockID: a block, and the sequence id of its last commit."""

CONTAINER_BLOCK_CONTAINER_ID: Final = 1
CONTAINER_BLOCK_LOCAL_ID: Final = 2
"""ContainerBlockID: a block within its container."""


class OmCommand(Enum):
    """An OM command: its number, which is also its field in the request, and its field in the response."""

    SERVICE_LIST = 51, 51
    DB_UPDATES = 53, 52


class ScmCommand(Enum):
    """An SCM command: its number, and the number of its field in both request and response."""

    CONTAINER_WITH_PIPELINE = 3, 8
    LIST_CONTAINERS = 4, 9
    LIST_NODES = 6, 11
    LIST_PIPELINES = 9, 14
    SCM_INFO = 13, 18
    IN_SAFE_MODE = 14, 19
    PIPELINE = 19, 24
    CONTAINERS_WITH_PIPELINES = 26, 31
    COUNT_CONTAINERS = 33, 38
    CONTAINER_REPLICAS = 34, 39
    NODE = 41, 45
    PENDING_CONTAINERS = 42, 46
    METRICS = 43, 47
    DELETED_BLOCKS = 46, 50
    LIST_CONTAINER_IDS = 47, 51
