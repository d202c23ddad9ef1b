"""Builds a generation from a given checkpoint in the foreground and shows the progress."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ozone_recon.cli.progress import show_progress

if TYPE_CHECKING:
    from ozone_recon.config import Config
    from ozone_recon.store.generation import Generation


@contextmanager
def build_generation(checkpoint: Path, data_dir: Path | None, config: Config) -> Iterator[Generation]:
    """Opens a generation of the checkpoint in `data_dir` (reused if it exists) or in a temporary directory."""
    from ozone_recon.follow.om.origin import GivenPath
    from ozone_recon.follow.om.sync import OmSync, OmSyncSettings
    from ozone_recon.store.data_directory import DataDirectory

    with ExitStack() as stack:
        if data_dir is None:
            data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ozone-recon-")))
        directory = stack.enter_context(DataDirectory.lock(data_dir, config.checkpoints))
        settings = OmSyncSettings(config.memory_limit, config.threads, config.filesystem_paths)
        sync = OmSync(directory, GivenPath(checkpoint), settings, lambda _: None)
        if not sync.reuse():
            with show_progress(sync):
                sync.synchronise()
        generation = directory.current()
        assert generation is not None
        yield generation
