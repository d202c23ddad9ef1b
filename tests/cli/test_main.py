import runpy
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ozone_recon.cli.exits import EXITS, NotFound, exit_code
from ozone_recon.cli.main import CommandGroup, main
from ozone_recon.errors import (
    BadRequest,
    CheckpointError,
    ConfigError,
    DataDirectoryBusy,
    NoSpace,
    NotReady,
    ReconError,
)


def failing(error: BaseException) -> click.Group:
    @click.command()
    def fail() -> None:
        raise error

    return CommandGroup(commands={"fail": fail})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ReconError("x"), 1),
        (ConfigError("x"), 2),
        (BadRequest("x"), 2),
        (NotFound("x"), 3),
        (NotReady("x"), 4),
        (DataDirectoryBusy("x"), 5),
        (CheckpointError("x"), 6),
        (NoSpace("x"), 7),
    ],
)
def test_an_error_of_ours_is_one_line_and_a_code(error: ReconError, code: int) -> None:
    done = CliRunner().invoke(failing(error), ["fail"])
    assert (done.exit_code, done.stderr, done.stdout) == (code, "ozone-recon: x\n", "")
    assert exit_code(error) == code
    assert code in EXITS


def test_ctrl_c_is_told_by_the_code() -> None:
    assert CliRunner().invoke(failing(KeyboardInterrupt()), ["fail"]).exit_code == 130


def test_wrong_usage_is_code_2() -> None:
    for arguments in (
        ["no-such-command"],
        ["du", "--sort", "colour"],
        ["keys"],
        ["du", "--server", "x", "--data-dir", "y"],
    ):
        assert CliRunner().invoke(main, arguments).exit_code == 2, arguments


@pytest.mark.parametrize("name", [None, *main.commands])
def test_every_help_teaches(name: str | None) -> None:
    done = CliRunner().invoke(main, [name, "--help"] if name else ["--help"])
    assert done.exit_code == 0
    assert "  ozone-recon " in done.stdout
    if name:
        summary = main.commands[name].get_short_help_str(60)
        assert summary
        assert not summary.endswith("..."), f"{name}: the first sentence of its help is too long for the list"
        for option in main.commands[name].params:
            assert isinstance(option, click.Argument) or getattr(option, "help", None), (
                f"{name} {option.name} has no help"
            )


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from ozone_recon.cli.main import main; main(['--help'], standalone_mode=False); "
        "print([name for name in ('numba', 'numpy', 'fastapi', 'httpx', 'rich', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_taught_to_complete(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0
    assert "_OZONE_RECON_COMPLETE" in done.stdout


def test_the_page_of_all_commands_is_what_their_help_says() -> None:
    docs = Path(__file__).parents[2] / "docs"
    made = runpy.run_path(str(docs / "generate.py"))["cli"]()
    assert (docs / "cli.md").read_text() == made, "run `python docs/generate.py`"
