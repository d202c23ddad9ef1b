"""The commands `status`, for the data as a whole, and `ask`, for any route."""

from __future__ import annotations

import click

from ozone_recon.cli.answers import AnswerSource
from ozone_recon.cli.question import question
from ozone_recon.cli.sheet import Sheet, human_time, text


@click.command()
@question("status --server http://recon:9888", "status --checkpoint om.db.tar.gz")
def status(api: AnswerSource) -> Sheet:
    """Summarise the data. Volumes, buckets, keys, open keys, pending deletion, and the status of each task."""
    state = api.get("/clusterState")
    opened = api.get("/keys/open/summary")
    uploads = api.get("/keys/open/mpu/summary")
    deleted = api.get("/keys/deletePending/summary")
    tasks = api.get("/task/status")
    answer = {
        "clusterState": state,
        "openKeys": opened,
        "multipartUploads": uploads,
        "deletePending": deleted,
        "tasks": tasks,
    }
    rows = [
        *((name, f"{state[name]:,}") for name in ("volumes", "buckets", "keys", "containers")),
        ("open keys", f"{opened['totalOpenKeys']:,}"),
        ("multipart uploads", f"{uploads['totalOpenMPUKeys']:,}"),
        ("keys pending deletion", f"{deleted['totalDeletedKeys']:,}"),
        ("directories pending deletion", f"{state['deletedDirs']:,}"),
        *((f"task {task['taskName']}", _task(task)) for task in tasks),
    ]
    return Sheet(answer, (text("FIELD"), text("VALUE")), rows)


def _task(task: dict[str, int]) -> str:
    if task["isCurrentTaskRunning"]:
        return "running"
    when = human_time(task["lastUpdatedTimestamp"])
    return f"{'failed' if task['lastTaskRunStatus'] else 'succeeded'} {when}".strip()


@click.command()
@click.argument("route")
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
@question(
    "ask /keys/open/summary --checkpoint om.db.tar.gz", "ask /utilization/fileCount volume=vol1 --data-dir /data/recon"
)
def ask(api: AnswerSource, route: str, parameters: tuple[str, ...]) -> Sheet:
    """Query any route of the API. The answer is JSON; docs/api.md lists the routes."""
    for parameter in parameters:
        if "=" not in parameter:
            raise click.UsageError(f"{parameter!r} is not NAME=VALUE")
    given = dict(parameter.split("=", 1) for parameter in parameters)
    route = "/" + route.removeprefix("/api/v1").strip("/")
    return Sheet(api.get(route, **given), (), ())


COMMANDS = (status, ask)
