"""A made-up board's rows, reports and stores."""

import json
from dataclasses import replace

from mubench.leaderboard.row import CHECKSUM, BoardRow, to_json
from mubench.store.records import FOLDER
from mubench.store.results_files import pack, pack_outline
from mubench.store.sealed import to_parquet
from mubench.store.table import records_to_table
from tests.support.report_world import without_luck, world

HOSTILE = "</script ><img src=x onerror=alert(1)>\"'&|_%$#{}~^\\ ../../x \n=1+1"


def source(requests=3):
    """The made-up sweep; its records' scenarios are those of their cells."""
    made = without_luck(world(requests))
    records = (replace(one, scenario=one.cell.rpartition("/")[2]) for one in made.records)
    node = {"name": "toy", "methods": {"ft": {}}}
    return replace(made, records=tuple(records), document=node)


def put_report(folder, made):
    """A report's folder without its page and figures."""
    folder.mkdir()
    for name, content in pack(made).items():
        (folder / name).write_bytes(content)
    return folder


def longer(rows, requests):
    """The same rows over more requests, each a little farther from Retrain than the one before."""
    made = []
    for row in rows:
        node = node_of(row)
        first = node["requests"][0]
        node["requests"] = []
        for k in range(requests):
            gap = first["gap"] * (1 + 0.02 * k)
            values = {term: value - gap for term, value in first["retrain"].items()}
            seeds = {"seed_train": k, "seed_forget": k, "forget_hash": f"hash of {k}"}
            names = {"name": f"{row.cell}/{k}", **seeds}
            node["requests"].append({**first, **values, "gap": gap, **names})
        node |= {"expected": requests, "failures": []}
        made.append(BoardRow.model_validate(node))
    return made


def find(rows, cell, label, selection):
    return next(row for row in rows if row.key == (cell, label, selection))


def node_of(row):
    """A row as JSON without its checksum, to be changed."""
    node = json.loads(to_json(row))
    del node[CHECKSUM]
    return node


def put(folder, row, node=None):
    path = folder / f"{row.slug}.json"
    path.write_bytes(to_json(row) if node is None else json.dumps(node).encode())
    return path


def hostile_rows(rows):
    """Rows with hostile text wherever text is free."""
    made = []
    for row in rows:
        node = node_of(row)
        for key in ("dataset", "model", "scenario"):
            node[key] = f"{key}{HOSTILE}"
        node["cell"] = "/".join(node[key] for key in ("dataset", "model", "scenario"))
        if row.selection:
            node["method"] = f"{row.method}{HOSTILE}"
            node["row"] = f"{node['method']}[{HOSTILE}]"
        node["params"] = {HOSTILE: HOSTILE}
        node["origin"] = {"name": HOSTILE, "sweep": {HOSTILE: [HOSTILE]}}
        node["source"], node["contributor"] = HOSTILE, HOSTILE
        for held in node["requests"]:
            held |= {"name": held["name"] + HOSTILE, "forget_hash": HOSTILE, "flags": [HOSTILE]}
        for held in node.get("failures", ()):
            held |= {"name": held["name"] + HOSTILE, "message": HOSTILE}
        for held in node["conditions"]:
            held |= dict.fromkeys(("device", "precision", "commit"), HOSTILE)
            held |= {"versions": {HOSTILE: HOSTILE}, "records": [HOSTILE]}
        made.append(BoardRow.model_validate(node))
    return [row for row in made if row.row != "retrain"][::3] + made[:2]


def save(store, made):
    # One file, as after `compact`: appending each record costs seconds.
    content = to_parquet(records_to_table(made.records))
    store.files.write(f"{FOLDER}/merged-0.parquet", content)
    store.save_sweep(made.name, pack_outline(made), [record.id for record in made.records])


def moved(row, by, requests=None, **changes):
    """A row whose gaps are larger by `by`, each request a little differently."""
    node = node_of(row)
    for k, held in enumerate(node["requests"]):
        away = held["gap"] + by * (1 + 0.01 * k)
        held |= {term: value - away for term, value in held["retrain"].items()}
        held |= {"gap": away, **changes}
    if requests is not None:
        node |= {"requests": node["requests"][:requests], "expected": requests}
    return BoardRow.model_validate(node)
