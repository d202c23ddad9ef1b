"""Refusals of calls, in the words of Ozone's servers: who is to be asked next, and when."""

import pytest

from ozone_recon.wire.hadoop_rpc.failures import Remedy, remedy, suggested_leader


@pytest.mark.parametrize(
    ("exception", "message", "expected", "leader"),
    [
        (
            "OMNotLeaderException",
            "OM:om1 is not the leader. Suggested leader is OM:om2[om2.example/10.0.0.2].",
            Remedy.ANOTHER,
            "om2",
        ),
        (
            "OMNotLeaderException",
            "OM:om1 is not the leader. Suggested leader is OM:om-3[null].",
            Remedy.ANOTHER,
            "om-3",
        ),
        (
            "OMNotLeaderException",
            "OM:om1 is not the leader. Could not determine the leader node.",
            Remedy.ANOTHER,
            None,
        ),
        ("OMLeaderNotReadyException", "om1 is Leader but not ready to process request yet.", Remedy.LATER, None),
        (
            "ServerNotLeaderException",
            "SCM Server:7a(scm1) is not the leader. Suggested leader is Server:scm2:9860.",
            Remedy.ANOTHER,
            "scm2:9860",
        ),
        (
            "ServerNotLeaderException",
            "SCM Server:7a(scm1) is not the leader. Could not determine the leader node.",
            Remedy.ANOTHER,
            None,
        ),
        ("NotLeaderException", "", Remedy.ANOTHER, None),
        ("IOException", "SCM is not leader", Remedy.ANOTHER, None),
        ("RetriableWithNoFailoverException", "LeaderNotReadyException: not yet", Remedy.LATER, None),
        ("RetriableException", "Server is too busy.", Remedy.LATER, None),
        ("ContainerNotFoundException", "Container with id #7 not found.", Remedy.NONE, None),
        ("IllegalArgumentException", "limit must be positive", Remedy.NONE, None),
        ("AccessControlException", "", Remedy.NONE, None),
        ("RpcNoSuchMethodException", "Unknown method x called on y protocol.", Remedy.NONE, None),
    ],
)
def test_a_refusal(exception: str, message: str, expected: Remedy, leader: str | None) -> None:
    assert (remedy(exception, message), suggested_leader(message)) == (expected, leader)
