"""Runs DVC's command line, again and again, in one process.

Each line of stdin is a request {"dir", "args", "env"}; each line of stdout is its
answer {"code", "output"}. Starting DVC takes far longer than what it is asked here.
The command "points", which DVC does not have, prints what it would draw.
"""

import json
import os
import sys
import tempfile

answers = os.fdopen(os.dup(1), "w")
said = tempfile.TemporaryFile("w+b")
os.dup2(said.fileno(), 1)
os.dup2(said.fileno(), 2)

import dvc.cli  # noqa: E402  (after the streams are in place: DVC's loggers keep them)
import dvc.render.match  # noqa: E402
import dvc.repo  # noqa: E402


def points(revisions):
    """Prints the points of all plots, before a template takes them apart."""
    told = {}
    with dvc.repo.Repo() as repo:
        data = repo.plots.diff(revs=revisions)
        for one in dvc.render.match.match_defs_renderers(data):
            if one.renderer.TYPE == "vega":
                told[one.renderer.name] = {
                    "x": one.renderer.properties.get("x"),
                    "y": one.renderer.properties.get("y"),
                    "points": one.renderer.datapoints,
                }
    print(json.dumps(told))
    return 0


for line in sys.stdin:
    request = json.loads(line)
    os.environ.update(request["env"])
    os.chdir(request["dir"])
    if request["args"][0] == "points":
        code = points(request["args"][1:])
    else:
        code = dvc.cli.main(request["args"])
    sys.stdout.flush()
    sys.stderr.flush()
    said.seek(0)
    output = said.read().decode("utf-8", "replace")
    said.seek(0)
    said.truncate()
    answers.write(json.dumps({"code": code, "output": output}) + "\n")
    answers.flush()
