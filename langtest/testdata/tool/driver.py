"""Loads each project below a folder with DVC and prints what it resolves to, a JSON line each."""
import json
import logging
import os
import sys

from dvc.dependency import ParamsDependency
from dvc.dvcfile import load_file
from dvc.repo import Repo

logging.disable(logging.CRITICAL)


def rel(path, root):
    return os.path.relpath(path, root)


def columns(axis):
    """An axis as file:field, where the file may be left out."""
    files = axis if isinstance(axis, dict) else {"": axis}
    found = []
    for file, fields in files.items():
        file = file and os.path.normpath(file)
        found += [file + ":" + field for field in (fields if isinstance(fields, list) else [fields]) if field]
    return found


def plot(props):
    """How a plot is drawn, as text."""
    texts = [props.get(key) or "" for key in ("title", "x_label", "y_label", "template")]
    return " ".join(columns(props.get("x"))) + " | " + " ".join(columns(props.get("y"))) + " | " + " | ".join(texts) + (
        "" if props.get("header", True) else " | no header"
    )


def top_plots(declared):
    found = []
    for item in declared:
        for id, props in ({item: None} if isinstance(item, str) else item).items():
            found.append(id + " = " + plot(props or {}))
    return found


def artifact(id, a):
    return " | ".join([id, os.path.normpath(a["path"]), a.get("desc", ""), a.get("type", ""), ",".join(a.get("labels", []))])


def stage(s, root):
    deps, params = [], []
    for dep in s.deps:
        if isinstance(dep, ParamsDependency):
            params += [rel(dep.fs_path, root) + ":" + key for key in dep.params or [""]]
        else:
            deps.append(rel(dep.fs_path, root))
    outs = [
        {
            "path": rel(out.fs_path, root),
            "kind": "metric" if out.metric else "plot" if out.plot else "out",
            "cache": out.use_cache,
            "persist": out.persist,
            "push": out.can_push,
            "remote": out.remote or "",
            "desc": out.annot.desc or "",
            "plot": plot(out.plot) if isinstance(out.plot, dict) else "",
        }
        for out in s.outs
    ]
    cmd = s.cmd if isinstance(s.cmd, list) else [s.cmd]
    if not all(isinstance(c, str) for c in cmd):
        raise ValueError("cmd is no text")
    return {
        "name": s.name,
        "cmd": cmd,
        "wdir": rel(s.wdir, root),
        "deps": sorted(deps),
        "params": sorted(set(params)),
        "outs": sorted(outs, key=lambda o: o["path"]),
        "frozen": bool(s.frozen),
        "desc": s.desc or "",
        "always_changed": bool(s.always_changed),
    }


def load(root):
    os.chdir(root)
    os.makedirs(".dvc/tmp")
    with open(".dvc/config", "w") as config:
        config.write("[core]\n    no_scm = true\n")
        if os.path.exists("config"):
            config.write(open("config").read())
    repo = Repo(root)
    repo.index.check_graph()
    file = load_file(repo, "dvc.yaml")
    return {
        "stages": [stage(s, root) for s in repo.index.stages if s.name],
        "metrics": file.metrics,
        "top_params": file.params,
        "plots": top_plots(file.plots),
        "artifacts": [artifact(id, a) for id, a in file.artifacts.items()],
    }


for name in sorted(os.listdir(sys.argv[1])):
    try:
        told = load(os.path.join(sys.argv[1], name))
    except Exception as e:  # DVC refuses with many kinds
        told = {"error": type(e).__name__ + ": " + str(e)}
    print(json.dumps({"project": name, **told}), flush=True)
