"""A pair of Recons: the standby copies what datanodes report to the other one, until they report to it."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.api.asking import ask
from tests.api.cluster_answers import following
from tests.decode.cluster.datanode_messages import heartbeat
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE
from tests.follow.cluster_world import World, a_world, registered, say, watching

from ozone_recon.config.cluster_settings import ScmPace
from ozone_recon.errors import CheckpointError, ReconError, SourceError, StoreError, TransferError
from ozone_recon.model.cluster import Cluster
from ozone_recon.sources.peer import PATH, generation_body
from ozone_recon.store.archive import packed, unpacked
from ozone_recon.store.generation import Generation
from ozone_recon.wire.ozone import datanode_calls


class Peer:
    """An HTTP server that serves a generation by our own route."""

    def __init__(self) -> None:
        self.generation: Generation | None = None
        self.status = 0
        """Answered instead of serving, unless 0."""
        self.truncated = False
        self.versions: list[str] = []
        """The If-None-Match of each request."""
        self.url = ""

    def answer(self, version: str) -> httpx.Response:
        self.versions.append(version)
        app = following(tables=self.generation, cluster=Cluster())
        return ask(app, PATH, headers={"if-none-match": version})


@contextmanager
def serving(peer: Peer) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = peer.answer(self.headers["if-none-match"])
            self.send_response(peer.status or answer.status_code)
            for name in ("etag", "content-type"):
                self.send_header(name, answer.headers.get(name, ""))
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content[: len(answer.content) // 2 if peer.truncated else None])
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    peer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    with serving(peer):
        yield peer


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[tuple[World, World]]:
    """The active Recon's world and the standby's, whose SCMs say the same."""
    with a_world(tmp_path / "active") as active, a_world(tmp_path / "standby") as standby:
        yield active, standby


def evaluated(world: World, is_true: Any = lambda _: True) -> Generation:
    return world.generation(lambda one: one.table("container_health").rows and is_true(one))


def reported(cluster: Cluster) -> dict[str, int]:
    return {one.details.uuid: one.containers for one in cluster.datanodes}


def since(generation: Generation) -> dict[tuple[int, int], int]:
    table = generation.table("unhealthy")
    return dict(
        zip(
            zip(table["container"].tolist(), table["state"].tolist(), strict=True), table["since"].tolist(), strict=True
        )
    )


def test_a_standby_serves_the_peer_s_reports_and_takes_over(worlds: tuple[World, World], peer: Peer) -> None:
    active, standby = worlds
    settings = active.settings(sizes_interval=1.0)
    with watching(active, settings):
        say(settings, registered(NODE, 1, 2, 3), registered(OTHER_NODE, 1))
        peer.generation = evaluated(active)
    copying = standby.settings(peer=peer.url, peer_interval=1.0, pace=ScmPace(pipelines=1, counts=1, info=1))
    with watching(standby, copying):
        cluster = standby.cluster(lambda one: one.reported_at)
        assert cluster.reported_at == peer.generation.taken_at
        copied = evaluated(standby)
        assert since(copied) == since(peer.generation)
        assert since(copied), "two containers have fewer replicas than they should"
        assert copied.taken_at == peer.generation.taken_at
        assert np.array_equal(copied.table("replicas")["first_seen"], peer.generation.table("replicas")["first_seen"])
        cluster = standby.cluster(lambda one: len(one.datanodes) == 2 and not one.waiting_for)
        assert reported(cluster) == {NODE: 3, OTHER_NODE: 1}
        assert {one.last_heartbeat > 0 for one in cluster.datanodes} == {True}
        (answer,) = say(copying, heartbeat())
        assert answer == datanode_calls.heartbeat_answer(NODE, reregister=True), "reports may have been lost"
        standby.cluster(lambda one: not one.reported_at)
        say(copying, registered(NODE, 1, 2))
        after = evaluated(standby, lambda one: one.table("replicas")["present"].sum() == 3)
        kept = since(after)
        assert {key: kept[key] for key in kept.keys() & since(copied).keys()}.items() <= since(copied).items()
        assert after.taken_at > copied.taken_at


def test_only_a_newer_generation_is_copied(worlds: tuple[World, World], peer: Peer) -> None:
    """Otherwise two Recons without datanodes would overwrite each other's reports with older ones."""
    active, standby = worlds
    settings = active.settings(sizes_interval=1.0)
    with watching(active, settings):
        say(settings, registered(NODE, 1), registered(OTHER_NODE, 1))
        older = evaluated(active)
        say(settings, registered(NODE, 1, 2, 3))
        newer = evaluated(active, lambda one: one.table("replicas").rows == 4)
    peer.generation = newer
    copying = standby.settings(peer=peer.url, peer_interval=0.2)
    with watching(standby, copying):
        evaluated(standby)
        peer.generation, peer.versions = older, []
        while len(peer.versions) < 3:
            standby.cluster(lambda _: True)
        assert standby.cluster(lambda one: one.reported_at).reported_at == newer.taken_at
    assert len(list((standby.place / "generations").iterdir())) == 1, "copies are removed"


def a_generation(world: World) -> Generation:
    with watching(world, world.settings(safe_mode_timeout=1.0)):
        return evaluated(world)


def test_an_archive_is_the_generation(tmp_path: Path) -> None:
    with a_world(tmp_path / "active") as world:
        generation = a_generation(world)
        archive = b"".join(packed(generation))
        copy = unpacked(io.BytesIO(archive), tmp_path_of(tmp_path, "copy"), "the archive")
        assert copy.about == generation.about
        assert copy.size == generation.size
        for number, end in enumerate((0, 1000, len(archive) // 2, len(archive) - 3000)):
            with pytest.raises((CheckpointError, StoreError)):
                unpacked(io.BytesIO(archive[:end]), tmp_path_of(tmp_path, f"cut{number}"), "the archive")
        # A flipped byte in the content of a file.
        at = archive.index(b"ustar") + 1000
        flipped = archive[:at] + bytes([archive[at] ^ 1]) + archive[at + 1 :]
        with pytest.raises((CheckpointError, StoreError)):
            unpacked(io.BytesIO(flipped), tmp_path_of(tmp_path, "flipped"), "the archive")


def tmp_path_of(place: Path, name: str) -> Path:
    path = place / name
    path.mkdir()
    return path


def test_the_route_answers_304_for_the_current_generation(tmp_path: Path) -> None:
    with a_world(tmp_path / "active") as world:
        app = following(tables=a_generation(world), cluster=Cluster())
    answer = ask(app, PATH)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-tar")
    again = ask(app, PATH, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert ask(following(cluster=Cluster()), PATH).status_code == 503


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (503, TransferError, "no cluster generation yet"),
        (403, SourceError, "ozone.recon.kerberos.principal"),
        (404, SourceError, "ozone.recon.peer.address"),
        (302, SourceError, "302"),
    ],
)
def test_a_refusal_says_what_to_do(peer: Peer, status: int, kind: type[ReconError], text: str) -> None:
    peer.status = status
    with pytest.raises(kind, match=text), generation_body(peer.url, ""):
        pass


def test_a_broken_transfer_is_an_error(peer: Peer, tmp_path: Path) -> None:
    with a_world(tmp_path / "active") as world:
        peer.generation = a_generation(world)
    peer.truncated = True
    with pytest.raises(ReconError), generation_body(peer.url, "") as body:
        assert body
        unpacked(body, tmp_path_of(tmp_path, "copy"), "the archive")
    with pytest.raises(TransferError, match=r"ozone\.recon\.peer\.address"), generation_body("http://127.0.0.1:9", ""):
        pass
