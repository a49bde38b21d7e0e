"""The leaderboard: rows and their checks, badges, the ranking, the site, and mine beside it."""

import copy
import csv
import io
import itertools
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import browser
import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from report_world import CELLS, ERRORS, RETRAIN, ROWS, shuffled, world
from scipy import stats

from mubench.errors import InputError
from mubench.leaderboard.badges import LEGEND, badges_of
from mubench.leaderboard.board import make_board
from mubench.leaderboard.build import RowSources, build_board, collect_rows
from mubench.leaderboard.compare import compare_with_board, load_own_rows
from mubench.leaderboard.compare_text import verdict_text
from mubench.leaderboard.noise import noise_of
from mubench.leaderboard.ranking import rank
from mubench.leaderboard.read_rows import read_row, read_rows
from mubench.leaderboard.row import BoardRow, schema_json, to_json
from mubench.leaderboard.rows_from_results import rows_from_results
from mubench.leaderboard.site import site_files
from mubench.leaderboard.slug import slug
from mubench.leaderboard.write_site import MANIFEST, write_site
from mubench.store.records import COMPACT
from mubench.store.results_files import pack, pack_outline
from mubench.store.store import Store
from mubench.store.table import records_to_table

HOSTILE = "</script ><img src=x onerror=alert(1)>\"'&|_%$#{}~^\\ ../../x \n=1+1"


def source(requests=3):
    """The made-up sweep; its records' scenarios are those of their cells."""
    made = world(requests)
    records = (replace(one, scenario=one.cell.rpartition("/")[2]) for one in made.records)
    node = {"name": "toy", "methods": {"ft": {}}}
    return replace(made, records=tuple(records), node=node)


@pytest.fixture(scope="module")
def rows():
    return rows_from_results(source())


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
    return json.loads(to_json(row))


# Rows


def test_a_sweep_gives_a_row_for_each_line_of_its_tables(rows):
    keys = {
        (cell, *key)
        for cell in CELLS
        for key in [
            ("retrain", ""),
            ("original", ""),
            *((row, selection) for row in ROWS for selection in ("tuned", "default")),
        ]
    }
    assert {row.key for row in rows} == keys
    assert len(rows) == len(keys)


@pytest.mark.parametrize(("label", "error"), list(zip(ROWS, ERRORS, strict=True)))
def test_a_row_holds_each_request_with_its_own_retrain(rows, label, error):
    row = find(rows, CELLS[1], label, "tuned")
    assert [held.name for held in row.requests] == [f"{CELLS[1]}/{k}" for k in range(3)]
    for k, held in enumerate(row.requests):
        away = error * (1 + 0.1 * k)
        assert held.gap == away
        assert held.terms == {name: value - away for name, value in RETRAIN.items()}
        assert held.retrain.terms == RETRAIN
        assert held.rte_seconds == 10 * error + 0.1 * k
        assert (held.seed_train, held.seed_forget, held.n_forget) == (k, k, 120)
    assert row.tuning is not None
    assert (row.tuning.trials, row.tuning.candidate) == (4, 2)
    assert row.params["lr"] == 0.01
    assert row.origin.sweep == {"name": "toy", "methods": {"ft": {}}}
    assert [held.records for held in row.conditions] == [
        tuple(f"{CELLS[1]}:final:{label}:tuned:{k}" for k in range(3))
    ]


def test_what_went_wrong_is_in_the_row(rows):
    refused = find(rows, CELLS[0], "iu", "default")
    assert [held.name for held in refused.requests] == [f"{CELLS[0]}/0", f"{CELLS[0]}/1"]
    (failure,) = refused.failures
    assert (failure.name, failure.status) == (f"{CELLS[0]}/2", "refused")
    assert failure.message == "needs a retain set"
    diverged = find(rows, CELLS[0], "ga", "tuned")
    assert [held.status for held in diverged.requests] == ["ok", "diverged", "ok"]


def test_retrains_row_holds_the_noise_floor(rows):
    retrain = find(rows, CELLS[0], "retrain", "")
    noise = noise_of(retrain)
    assert noise is not None
    # Replica r lies 0.01 r above: of three, two pairs lie 0.01 apart and one 0.02.
    assert noise.pairs == 9
    assert noise.mean["gap"] == pytest.approx(0.04 / 3)
    assert noise.percentile_95["gap"] == pytest.approx(np.percentile([0.01, 0.01, 0.02] * 3, 95))
    assert noise_of(find(rows, CELLS[0], "original", "")) is None


def test_a_final_step_without_a_retrain_is_a_failure():
    made = source()
    kept = tuple(one for one in made.records if one.id != f"{CELLS[0]}:retrain:1:0")
    row = find(rows_from_results(replace(made, records=kept)), CELLS[0], "ft", "tuned")
    assert [held.name for held in row.requests] == [f"{CELLS[0]}/0", f"{CELLS[0]}/2"]
    assert [(held.name, held.status) for held in row.failures] == [(f"{CELLS[0]}/1", "no_retrain")]


def test_a_record_that_is_no_fraction_is_named():
    made = source()
    first = next(one for one in made.records if one.id == f"{CELLS[0]}:final:ft:tuned:0")
    wrong = replace(first, metrics={**first.metrics, "ua": 1.5})
    records = tuple(wrong if one is first else one for one in made.records)
    with pytest.raises(InputError, match=r"'toy'.*ft tuned: requests.0.ua: 1.5 is not a fraction"):
        rows_from_results(replace(made, records=records))


# Files of rows


def put(folder, row, node=None):
    path = folder / f"{row.slug}.json"
    path.write_bytes(to_json(row) if node is None else json.dumps(node).encode())
    return path


def test_rows_come_back_from_their_files(rows, tmp_path):
    for row in rows:
        put(tmp_path, row)
    assert set(map(to_json, read_rows([tmp_path]))) == set(map(to_json, rows))
    assert {row.key: row for row in read_rows([tmp_path])} == {row.key: row for row in rows}


def test_every_row_fits_the_schema(rows):
    schema = json.loads(schema_json())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for row in rows:
        validator.validate(node_of(row))


def at(node, path):
    *parents, last = path
    for part in parents:
        node = node[part]
    return node, last


MISTAKES = {
    ("requests", 2, "ua"): (1.3, "requests.2.ua: 1.3 is not a fraction in [0, 1]"),
    ("requests", 0, "ta"): ("x", "requests.0.ta: a number is needed; got 'x'"),
    ("requests", 1, "seed_train"): ("1", "requests.1.seed_train: a whole number is needed; got"),
    ("requests", 1, "rte_seconds"): (-1.0, "requests.1.rte_seconds: must be at least 0"),
    ("requests", 0, "retrain"): ({}, "requests.0.retrain: shares none of ua, mia_svc, ra and ta"),
    ("requests",): ("x", "requests: a list is needed; got 'x'"),
    ("selection",): ("best", "selection: 'tuned', 'default' or '' is needed; got 'best'"),
    ("tuning", "trials"): (0, "tuning.trials: must be at least 1; got 0"),
    ("format",): ("1", "format: 1 is needed; got '1'"),
    ("fromat",): (1, "fromat: unknown key; did you mean 'format'?"),
    ("params",): ([], "params: a mapping is needed; got []"),
}
"""What the schema refuses too."""

CONTRADICTIONS = {
    ("requests", 1, "gap"): (0.3, "requests.1.gap: 0.3 is stated, but the values and Retrain's"),
    ("requests", 1, "name"): (f"{CELLS[1]}/0", f"requests: '{CELLS[1]}/0' is listed 2 times"),
    ("expected",): (2, "expected: 2 requests, but the row has 3"),
    ("cell",): ("other", "cell: 'other' is not dataset/model/scenario of this row"),
    ("method",): ("ga", "row: 'ft' is neither the method nor the method with brackets"),
    ("selection",): ("", "selection: that of 'ft' must be tuned or default; got ''"),
    ("tuning",): (None, "tuning: required for a tuned row, and allowed for no other"),
    ("conditions", 0, "created"): ("2026-02-03", "conditions.0.created: '2026-02-03' is not an"),
    ("params", "lr"): ([1], "params.lr: a number, a string, true, false or null is needed"),
    ("params", "x"): (
        float("inf"),
        "params: contains a number that is not finite, or text that is not Unicode",
    ),
    ("params", "y"): (
        "\ud800",
        "params: contains a number that is not finite, or text that is not Unicode",
    ),
    ("requests", 0, "replicas"): ([{"ua": 0.1}], "requests: only Retrain's row has replicas"),
    ("source",): (1, "source: a string is needed; got 1"),
    ("requests", 0, "ra"): (float("nan"), "requests.0.ra: nan is not a fraction in [0, 1]"),
    ("requests", 2, "gap"): (float("inf"), "requests.2.gap: inf is not a fraction in [0, 1]"),
}


@pytest.mark.parametrize(
    ("path", "value", "words", "in_schema"),
    [(path, *held, True) for path, held in MISTAKES.items()]
    + [(path, *held, False) for path, held in CONTRADICTIONS.items()],
)
def test_a_wrong_row_names_its_file_and_field(
    rows, tmp_path, mubench_, path, value, words, in_schema
):
    row = find(rows, CELLS[1], "ft", "tuned")
    node = copy.deepcopy(node_of(row))
    place, last = at(node, path)
    place[last] = value
    file = put(tmp_path, row, node)
    code, out, _ = mubench_("leaderboard", "check", file)
    assert code == 2
    assert f"{file}: {words}" in out
    assert "1 row, 1 problem" in out
    if in_schema and path[-1] != "retrain":
        assert not jsonschema.Draft202012Validator(json.loads(schema_json())).is_valid(node)


def test_a_retrain_has_no_distance_to_itself(rows):
    node = node_of(find(rows, CELLS[0], "retrain", ""))
    node["requests"][0]["retrain"] = {"ua": 0.3, "ra": 0.9, "ta": 0.94, "mia_svc": 0.3}
    node["requests"][0]["gap"] = 0.005
    with pytest.raises(ValueError, match="a Retrain's own gap must be 0"):
        BoardRow.model_validate(node)


def test_a_reference_has_one_row(rows):
    node = node_of(find(rows, CELLS[0], "original", "")) | {"row": "original[2]"}
    with pytest.raises(ValueError, match=r"a reference has one row, 'original'; got 'o"):
        BoardRow.model_validate(node)


def test_a_problem_is_one_line_that_no_terminal_obeys(rows, tmp_path):
    row = find(rows, CELLS[0], "ft", "tuned")
    path = put(tmp_path, row, node_of(row) | {"a\x1b[2J\nb": 1})
    (problem,) = read_row(path)[1]
    assert problem.startswith(f"{path}: a\ufffd[2J b: unknown key; known: ")
    deep = json.dumps(node_of(row)).replace('"ft": {}', '"ft": ' + "[" * 600 + "]" * 600)
    path.write_text(deep)
    (problem,) = read_row(path)[1]
    assert len(problem) < 500


def test_all_problems_of_all_files_are_said_each_in_a_line(rows, tmp_path, mubench_):
    good, bad = find(rows, CELLS[0], "ft", "tuned"), find(rows, CELLS[0], "iu", "tuned")
    put(tmp_path, good)
    node = node_of(bad)
    node["requests"][0]["ua"], node["expected"] = 2, "x"
    put(tmp_path, bad, node)
    (tmp_path / "no.json").write_text("{")
    (tmp_path / "other.json").write_bytes(to_json(good))
    newer = put(tmp_path, find(rows, CELLS[0], "ga", "tuned"), {"format": 2})
    code, out, _ = mubench_("leaderboard", "check", tmp_path)
    assert code == 2
    lines = out.splitlines()
    assert lines[-1] == "5 rows, 5 problems"
    said = {line.partition(".json: ")[2].partition(":")[0] for line in lines[:-1]}
    assert said == {"not JSON", "file name", "requests.0.ua", "expected", "format"}
    assert f"{newer}: format: 2 is newer: this mubench reads 1; update it" in lines


def test_a_board_is_not_built_of_a_wrong_row(rows, tmp_path, mubench_):
    node = node_of(rows[2])
    node["requests"][2]["ua"] = 1.3
    path = put(tmp_path, rows[2], node)
    code, out, error = mubench_("leaderboard", "--rows", tmp_path, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert error == f"mubench: {path}: requests.2.ua: 1.3 is not a fraction in [0, 1]\n"
    assert not (tmp_path / "out").exists()


def test_good_rows_pass_and_what_is_not_there_is_named(rows, tmp_path, mubench_):
    put(tmp_path, rows[0])
    assert mubench_("leaderboard", "check", tmp_path)[:2] == (0, "1 row, 0 problems\n")
    code, _, error = mubench_("leaderboard", "check", tmp_path / "none")
    assert code == 2
    assert "no such file or folder" in error
    (tmp_path / "empty").mkdir()
    assert "no rows in it" in mubench_("leaderboard", "check", tmp_path / "empty")[2]


@pytest.mark.parametrize("name", [HOSTILE, "../../etc/passwd", "", "con/../x", "é", "x" * 500])
def test_a_slug_is_a_plain_short_name(name):
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", slug(name))
    assert len(slug(name, name, name)) < 130


def test_no_two_names_share_a_slug():
    names = ["ft", "FT", "f/t", "f-t", "f_t", "ft ", slug("FT"), "a/b", "a-b", "a.b"]
    assert len({slug(name).lower() for name in names}) == len(names)
    assert slug("a", "b/c") != slug("a/b", "c")


# Badges


def said_of(row, others):
    return {badge.kind: badge.text for badge in badges_of(row, others)}


def test_the_badges_of_the_made_up_sweep(rows):
    here = [row for row in rows if row.cell == CELLS[0]]
    assert said_of(find(rows, CELLS[0], "ft", "tuned"), here) == {}
    assert said_of(find(rows, CELLS[0], "ga", "tuned"), here) == {"diverged": "diverged 1 of 3"}
    assert said_of(find(rows, CELLS[0], "iu", "default"), here) == {
        "untuned": "untuned",
        "failed": "refused 1 of 3",
    }
    assert said_of(find(rows, CELLS[0], "ft", "default"), here) == {
        "untuned": "untuned",
        "flagged": "predictions unchanged 3 of 3",
    }


def test_badges_say_what_is_unlike_the_cell(rows):
    here = [row for row in rows if row.cell == CELLS[1]]
    node = node_of(find(rows, CELLS[1], "ft", "tuned"))
    one = copy.deepcopy(node) | {"requests": node["requests"][:1], "expected": 4}
    one["tuning"]["trials"] = 8
    one["conditions"][0]["device"] = "gpu: other"
    row = BoardRow.model_validate(one)
    assert said_of(row, [*here, row]) == {
        "single seed": "single seed",
        "over budget": "over budget: 8, most 4",
        "other hardware": "other hardware",
        "failed": "not run 3 of 4",
    }
    less = copy.deepcopy(node)
    less["tuning"]["trials"] = 2
    assert said_of(BoardRow.model_validate(less), here) == {}
    assert set(LEGEND) >= {kind for row in rows for kind in said_of(row, here)}


@pytest.mark.parametrize(("by", "kinds"), [(0.0, set()), (0.015, set()), (0.03, {"other Retrain"})])
def test_another_retrain_counts_beyond_the_noise(rows, by, kinds):
    """Two Retrains of the made-up sweep differ by 0.02 at most."""
    here = [row for row in rows if row.cell == CELLS[1]]
    node = node_of(find(rows, CELLS[1], "ft", "tuned"))
    for held in node["requests"]:
        for term in ("ua", "ra", "ta", "mia_svc"):
            held[term] -= by
            held["retrain"][term] -= by
    assert said_of(BoardRow.model_validate(node), here).keys() == kinds


def test_other_forget_sets_and_other_requests_have_badges(rows):
    here = [row for row in rows if row.cell == CELLS[1]]
    node = node_of(find(rows, CELLS[1], "ft", "tuned"))
    node["requests"][0]["forget_hash"] = "other"
    assert said_of(BoardRow.model_validate(node), here).keys() == {"other Retrain"}
    node = node_of(find(rows, CELLS[1], "ft", "tuned"))
    node["requests"][0]["name"] = "elsewhere"
    assert said_of(BoardRow.model_validate(node), here).keys() == {"other requests"}


def test_several_requests_of_one_train_seed_are_a_single_seed(rows):
    node = node_of(find(rows, CELLS[1], "ft", "tuned"))
    for held in node["requests"]:
        held["seed_train"] = 7
    assert said_of(BoardRow.model_validate(node), []).keys() >= {"single seed"}


def test_an_incomplete_row_stands_last_and_is_no_best(rows):
    here = [row for row in rows if row.cell == CELLS[1] and row.selection == "tuned"]
    node = node_of(find(rows, CELLS[1], "ugradsl_plus", "tuned"))
    partial = BoardRow.model_validate(node | {"requests": node["requests"][:2]})
    (cell,) = make_board([partial, *(row for row in here if row.row != partial.row)]).cells
    assert [held.row.row for held in cell.methods][-1] == "ugradsl_plus"
    assert cell.ranks == {("ft", "tuned"): "best", ("ugradsl", "tuned"): "second"}
    (cell,) = make_board(here).cells
    assert cell.ranks == {("ugradsl_plus", "tuned"): "best", ("ft", "tuned"): "second"}


def test_the_distance_of_a_value_is_that_of_its_mean(rows):
    """Errors of opposite sign cancel, as in the report's parentheses."""
    node = node_of(find(rows, CELLS[1], "ft", "tuned"))
    for by, held in zip((0.03, -0.02, -0.04), node["requests"], strict=True):
        held |= {term: value + by for term, value in held["retrain"].items()}
        held["gap"] = abs(by)
    (cell,) = make_board([BoardRow.model_validate(node)]).cells
    assert cell.methods[0].distances == pytest.approx(dict.fromkeys(RETRAIN, 0.01))
    assert cell.methods[0].estimates["gap"].mean == pytest.approx(0.03)


def measured_again(row, created, record):
    node = node_of(row)
    node["conditions"][0] |= {"created": created, "records": [record]}
    return BoardRow.model_validate(node)


def test_of_the_same_row_twice_the_newest_measured_is_shown(rows):
    row = find(rows, CELLS[1], "ft", "tuned")
    same_time = measured_again(row, "2026-02-03T06:05:06+02:00", "a")
    assert same_time.newest == row.newest, "in another time zone"
    later = measured_again(row, "2026-02-03T04:05:07+00:00", "b")
    for order in ([row, later], [later, row]):
        (cell,) = make_board(order).cells
        (held,) = cell.methods
        assert held.row == later
        assert [old.row for old in held.older] == [row]
    (cell,) = make_board([row, row]).cells
    assert cell.methods[0].older == (), "the very same row is no second measurement"


def test_records_that_two_sweeps_share_are_one_measurement(rows):
    made = source()
    fewer = tuple(one for one in made.records if one.replica < 2)
    other = rows_from_results(replace(made, name="other", records=fewer))
    for order in ([*rows, *other], [*other, *rows]):
        board = make_board(order)
        assert not any(held.older for held in board.rows)
        assert [cell.noise.pairs for cell in board.cells] == [9, 9]


# The ranking


def gap_of(label, selection, k):
    """The gap of request k, as the made-up sweep defines it."""
    error = 0.22 if label == "original" else ERRORS[ROWS.index(label)]
    return error * (2 if selection == "default" else 1) * (1 + 0.1 * k)


def ranked_by_hand(rows):
    """Average rank and mean gap of each row over both cells, one number at a time."""
    keys = sorted({(row.row, row.selection) for row in rows if row.row != "retrain"})
    means = []
    for cell in CELLS:
        column = []
        for key in keys:
            gaps = [gap_of(*key, k) for k in range(3)]
            if (cell, *key) == (CELLS[0], "iu", "default"):
                gaps[2] = gap_of("original", "", 2)  # refused: as if nothing was done
            column.append(sum(gaps) / 3)
        means.append(column)
    ranks = [stats.rankdata(np.round(column, 12)) for column in means]
    return {
        key: (np.mean([r[k] for r in ranks]), np.mean([m[k] for m in means]))
        for k, key in enumerate(keys)
    }


def test_the_ranking_is_that_of_a_plain_loop(rows):
    ranking = rank(make_board(rows))
    by_hand = ranked_by_hand(rows)
    assert {row.key for row in ranking.rows} == by_hand.keys()
    for row in ranking.rows:
        assert (row.rank.value, row.gap.value) == pytest.approx(by_hand[row.key])
    assert [row.key for row in ranking.rows][:2] == [("ugradsl_plus", "tuned"), ("ft", "tuned")]
    assert ranking.cells == tuple(sorted(CELLS))
    assert ranking.requests == 6
    imputed = {row.key: row.imputed for row in ranking.rows if row.imputed}
    assert imputed == {("iu", "default"): 1}


def noisy(rows):
    """Rows whose gaps vary, so that a resample matters."""
    rng = np.random.default_rng(3)
    made = []
    for row in rows:
        node = node_of(row)
        for k, held in enumerate(node["requests"] if row.row != "retrain" else ()):
            held["gap"] += rng.uniform(-0.01, 0.01)
            if (row.row, row.selection) == ("ft", "tuned"):  # now better than the best, now worse
                held["gap"] = (0.005, 0.03, 0.04)[k % 3]
            held |= {term: value - held["gap"] for term, value in held["retrain"].items()}
        made.append(BoardRow.model_validate(node))
    return made


def test_intervals_are_percentiles_of_all_resamples(rows):
    """Three requests a cell have 27 equally likely resamples, two cells 729 pairs of them."""
    made = noisy(rows)
    keys = sorted({(row.row, row.selection) for row in made if row.row != "retrain"})
    gaps = {row.key: {held.name: held.gap for held in row.requests} for row in made}
    imputed = f"{CELLS[0]}/2"
    gaps[CELLS[0], "iu", "default"][imputed] = gaps[CELLS[0], "original", ""][imputed]
    resamples = np.array(list(itertools.product(range(3), repeat=3)))
    means, ranks = [], []  # of each cell: resamples x rows
    for cell in CELLS:
        values = np.array([[gaps[cell, *key][f"{cell}/{k}"] for k in range(3)] for key in keys])
        means.append(values[:, resamples].mean(axis=2).T)
        ranks.append(stats.rankdata(means[-1], axis=1))
    gap, place = ((a[:, None] + b).reshape(-1, len(keys)) / 2 for a, b in (means, ranks))
    ranking = rank(make_board(made))
    first = keys.index(ranking.rows[0].key)
    for row in ranking.rows:
        k = keys.index(row.key)
        low, high = np.percentile(gap[:, k], [2.5, 97.5])
        assert (row.gap.low, row.gap.high) == pytest.approx((low, high), abs=0.05 * (high - low))
        wanted = np.percentile(place[:, k], [2.5, 97.5])
        assert (row.rank.low, row.rank.high) == pytest.approx(wanted, abs=0.26)
        low, high = np.percentile(gap[:, k] - gap[:, first], [2.5, 97.5])
        differs = "significant" if low > 0 or high < 0 else "not significant"
        assert row.to_first == ("first" if k == first else differs)
    assert {row.to_first for row in ranking.rows} == {"first", "significant", "not significant"}


def test_intervals_agree_with_those_of_scipy(rows):
    """Means of two cells with eight requests each; scipy resamples on its own."""
    made = noisy(longer(rows, 8))
    ranking = rank(make_board(made))
    row = next(held for held in ranking.rows if held.key == ("ft", "tuned"))
    samples = tuple(
        np.array([held.gap for held in find(made, cell, "ft", "tuned").requests]) for cell in CELLS
    )
    theirs = stats.bootstrap(
        samples,
        lambda a, b, axis=-1: (a.mean(axis=axis) + b.mean(axis=axis)) / 2,
        method="percentile",
        n_resamples=20000,
        rng=np.random.default_rng(0),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert width > 0.002
    assert row.gap.low == pytest.approx(theirs.low, abs=0.05 * width)
    assert row.gap.high == pytest.approx(theirs.high, abs=0.05 * width)


def test_a_missing_cell_counts_as_doing_nothing_and_ties_with_it(rows):
    third = "digits/small_cnn/random-0.5"
    extra = []
    for row in rows:
        if row.cell == CELLS[1] and row.row not in ("ft", "ga"):
            text = to_json(row).decode().replace(CELLS[1], third)
            node = json.loads(text) | {"scenario": "random-0.5"}
            extra.append(BoardRow.model_validate(node))
    ranking = rank(make_board([*rows, *extra]))
    held = next(row for row in ranking.rows if row.key == ("ft", "tuned"))
    assert (held.cells, held.imputed) == (2, 3)
    nothing = np.mean([gap_of("original", "", k) for k in range(3)])
    own = np.mean([gap_of("ft", "tuned", k) for k in range(3)])
    assert held.gap.value == pytest.approx((2 * own + nothing) / 3)
    assert ranking.requests == 9


def test_a_ranking_needs_two_cells_and_says_who_is_left_out(rows):
    one_cell = [row for row in rows if row.cell == CELLS[0]]
    ranking = rank(make_board(one_cell))
    assert ranking.rows == ()
    assert len(ranking.left_out) == 15
    some = [row for row in rows if row.key != (CELLS[1], "ft", "tuned")]
    assert rank(make_board(some)).left_out == (("ft", "tuned"),)


def test_a_cell_without_an_original_is_not_ranked(rows):
    kept = [row for row in rows if row.key != (CELLS[1], "original", "")]
    assert rank(make_board(kept)).rows == ()


# The site


class Page(HTMLParser):
    """Tags, ids, links and text of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.texts = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append(dict(attrs))

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def ids(self):
        return [held["id"] for held in self.attributes if "id" in held]

    @property
    def links(self):
        return [held["href"] for held in self.attributes if "href" in held]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def built(rows, tmp_path_factory):
    out = tmp_path_factory.mktemp("board")
    contents = site_files(make_board(rows))
    write_site(contents, out)
    return out, contents


def pages_of(contents):
    return {name: Page(held.decode()) for name, held in contents.items() if name.endswith(".html")}


def test_a_board_has_a_page_a_cell_and_a_method_and_a_file_a_row(rows, built):
    _, contents = built
    methods = {"ft", "ga", "iu", "ugradsl", "ugradsl_plus"}
    assert {name for name in contents if name.startswith("methods/")} == {
        f"methods/{name}.html" for name in methods
    }
    assert {name for name in contents if name.startswith("cells/")} == {
        f"cells/{slug(cell)}.html" for cell in CELLS
    }
    assert {name for name in contents if name.startswith("rows/")} == {
        f"rows/{row.slug}.json" for row in rows
    }
    others = {name for name in contents if "/" not in name}
    assert others == {"index.html", "row.schema.json", "board.csv"}


def broken_links(out, contents):
    pages = pages_of(contents)
    for name, page in pages.items():
        assert len(set(page.ids)) == len(page.ids), f"{name}: an id stands twice"
        for link in page.links:
            path, _, fragment = link.partition("#")
            target = (out / name).parent / path if path else out / name
            if not target.is_file():
                yield f"{name}: {link}"
                continue
            there = str(target.resolve().relative_to(out.resolve()))
            if fragment and fragment not in pages[there].ids:
                yield f"{name}: {link}"


def test_every_link_leads_somewhere_on_the_board(built):
    out, contents = built
    assert list(broken_links(out, contents)) == []
    for page in pages_of(contents).values():
        assert not [link for link in page.links if "://" in link or link.startswith("/")]
        assert not {"img", "link", "iframe", "object", "form"} & set(page.tags)
        assert not any("src" in held or "style" in held for held in page.attributes)


def test_the_same_rows_in_any_order_give_the_same_bytes(built):
    _, contents = built
    again = site_files(make_board(reversed(rows_from_results(shuffled(source())))))
    assert again.keys() == contents.keys()
    for name, held in contents.items():
        assert again[name] == held, name


def test_the_pages_show_the_numbers_of_the_rows(built):
    _, contents = built
    pages = pages_of(contents)
    cell = pages[f"cells/{slug(CELLS[1])}.html"].text
    gaps = [100 * 0.08 * (1 + 0.1 * k) for k in range(3)]
    assert f"{np.mean(gaps):.2f} ± {np.std(gaps, ddof=1):.2f}" in cell  # tuned iu
    assert "noise floor 1.33 points" in cell
    index = pages["index.html"].text
    assert "2 cells and 6 requests" in index
    assert "not independent" in index
    assert "imputed: 1 request" in index
    method = pages["methods/ugradsl_plus.html"].text
    assert "arXiv 2406.07698" in method
    assert "1 of 7" in method
    for kind, words in LEGEND.items():
        assert kind in index
        assert words in index


def test_the_sweep_of_a_row_lies_beside_it_as_a_file_that_can_be_run(built):
    _, contents = built
    (name,) = [name for name in contents if name.startswith("sweeps/")]
    assert yaml.safe_load(contents[name]) == {"name": "toy", "methods": {"ft": {}}}
    assert f"mubench run {name}" in pages_of(contents)[f"cells/{slug(CELLS[0])}.html"].text


def test_the_csv_has_a_line_a_row_in_fractions(rows, built):
    _, contents = built
    lines = list(csv.DictReader(io.StringIO(contents["board.csv"].decode())))
    assert len(lines) == len(rows)
    held = {(line["cell"], line["row"], line["selection"]): line for line in lines}
    line = held[CELLS[0], "iu", "default"]
    assert float(line["gap"]) == pytest.approx(np.mean([0.16, 0.176]))
    assert (line["requests"], line["expected"], line["badges"]) == (
        "2",
        "3",
        "untuned; refused 1 of 3",
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_spreadsheet_takes_no_name_for_a_formula(rows, start):
    name = f"{start}HYPERLINK(1)"
    text = to_json(find(rows, CELLS[1], "ft", "tuned")).decode()
    node = json.loads(text.replace("digits/", f"{name}/")) | {"dataset": name}
    node |= {"method": name, "row": name, "origin": {"name": name, "sweep": {}}}
    contents = site_files(make_board([BoardRow.model_validate(node)]))
    _, line = csv.reader(io.StringIO(contents["board.csv"].decode()))
    assert line.count(f"'{name}") == 2
    assert not any(field.startswith(start) for field in line)


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


def test_hostile_names_are_text_and_never_a_path(rows, tmp_path):
    made = hostile_rows(rows)
    contents = site_files(make_board(made))
    write_site(contents, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert list(broken_links(tmp_path / "out", contents)) == []
    for name, page in pages_of(contents).items():
        assert "img" not in page.tags, name
        assert page.tags.count("script") == 1, name
        assert not any("onerror" in held for held in page.attributes), name
    text = " ".join(HOSTILE.split())
    cells = [page for name, page in pages_of(contents).items() if name.startswith("cells/")]
    assert any(page.text.count(text) > 20 for page in cells)
    for name, held in contents.items():
        if name.startswith("rows/"):
            path = tmp_path / "out" / name
            assert read_row(path) == (BoardRow.model_validate(json.loads(held)), [])
        if name.startswith("sweeps/"):
            assert yaml.safe_load(held) == {HOSTILE: [HOSTILE]}


def test_the_browser_may_run_the_boards_own_script_and_no_other(built):
    _, contents = built
    for name, held in contents.items():
        if name.endswith(".html"):
            policy = re.search(r'Content-Security-Policy" content="([^"]*)"', held.decode())
            assert policy is not None
            assert "unsafe" not in policy[1]
            assert policy[1].startswith("default-src 'none'; style-src 'sha256-")


# Files on the disk


def test_only_what_mubench_wrote_and_nobody_changed_is_cleared_away(tmp_path):
    out = tmp_path / "out"
    outside = tmp_path / "outside.html"
    outside.write_bytes(b"x")
    write_site({"index.html": b"1", "cells/a.html": b"a", "cells/b.html": b"b"}, out)
    (out / "cells" / "b.html").write_bytes(b"mine now")
    (out / "cells" / "c.html").write_bytes(b"c")
    manifest = json.loads((out / MANIFEST).read_bytes())
    manifest["files"]["../outside.html"] = manifest["files"]["index.html"]
    outside.write_bytes(b"1")
    (out / MANIFEST).write_text(json.dumps(manifest))
    written = write_site({"index.html": b"2"}, out)
    assert written.removed == 1
    assert outside.exists()
    assert sorted(path.name for path in (out / "cells").iterdir()) == ["b.html", "c.html"]
    assert json.loads((out / MANIFEST).read_bytes())["files"].keys() == {"index.html"}


def test_a_foreign_manifest_is_not_trusted(tmp_path):
    (tmp_path / MANIFEST).write_text("[]")
    with pytest.raises(InputError, match="not written by mubench; choose another --out"):
        write_site({}, tmp_path)
    assert (tmp_path / MANIFEST).read_text() == "[]"


# Where rows come from


def save(store, made):
    # One file, as after `compact`: appending each record costs seconds.
    sink = io.BytesIO()
    pq.write_table(records_to_table(made.records), sink)
    store.files.write(COMPACT, sink.getvalue())
    store.save_sweep(made.name, pack_outline(made), [record.id for record in made.records])


def test_a_store_and_a_reports_folder_and_their_rows_give_one_board(tmp_path, mubench_):
    made = source(1)
    save(Store(str(tmp_path / "store")), made)
    put_report(tmp_path / "report", made)
    code, out, error = mubench_(
        "leaderboard", "--store", tmp_path / "store", "--out", tmp_path / "a"
    )
    assert (code, error) == (0, "")
    assert f"leaderboard: {tmp_path}/a/index.html" in out
    build_board(RowSources(reports=[tmp_path / "report"]), tmp_path / "b")
    build_board(RowSources(rows=[tmp_path / "a"]), tmp_path / "c")
    names = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    assert len(names) > 40
    for name in names:
        contents = {(tmp_path / board / name).read_bytes() for board in "abc"}
        assert len(contents) == 1, name


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
def test_a_tracking_server_gives_the_rows_of_the_store(tmp_path):
    from mubench.tracking.artifacts import upload
    from mubench.tracking.client import connect
    from mubench.tracking.run_data import RunData
    from mubench.tracking.run_sync import RunSync
    from mubench.tracking.runs import ROOT

    made = source()
    save(Store(str(tmp_path / "store")), made)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with connect(uri) as client:
        for name in ("toy", "not sent yet"):
            runs = RunSync(client, uri, name)
            runs.upsert(
                RunData(key=ROOT, parent="", name=name, status="RUNNING", start=1, end=2, tags={})
            )
            if name == "toy":
                upload(client, runs, made, None)
        client.create_experiment("somebody else's")
    here = collect_rows(RowSources(stores=[str(tmp_path / "store")]))
    assert collect_rows(RowSources(tracking=[uri])) == here
    assert len(here) == 32


def test_contributed_rows_may_not_lie_where_a_build_clears_away(tmp_path, mubench_, rows):
    folder = tmp_path / "out" / "rows"
    folder.mkdir(parents=True)
    put(folder, rows[0])
    code, _, error = mubench_("leaderboard", "--rows", folder, "--out", tmp_path / "out")
    assert code == 2
    assert "keep contributed rows in a folder of their own" in error


def test_a_store_that_is_not_there_is_named(tmp_path, mubench_):
    code, _, error = mubench_("leaderboard", "--store", tmp_path / "none", "--out", tmp_path / "o")
    assert code == 2
    assert "no such store" in error
    assert not (tmp_path / "o").exists()


def test_a_board_without_a_row_says_so():
    contents = site_files(make_board([]))
    assert "This board has no rows." in Page(contents["index.html"].decode()).text
    assert contents.keys() == {"index.html", "row.schema.json", "board.csv"}


# Mine beside a board


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


@pytest.mark.parametrize(
    ("by", "requests", "wanted"),
    [
        (-0.01, 6, "closer to Retrain, p = 0.031"),
        (0.01, 6, "farther from Retrain, p = 0.031"),
        (-0.01, 5, "too few requests: 6 pairs are needed"),
    ],
)
def test_a_row_is_compared_with_its_like_on_the_board(rows, by, requests, wanted):
    theirs = longer(rows, 6)
    label = "ugradsl_plus"  # the best tuned row
    mine = moved(find(theirs, CELLS[0], label, "tuned"), by, requests)
    (cell,) = compare_with_board([mine], theirs).cells
    (held,) = cell.comparisons
    assert held.is_best
    assert verdict_text(held) == wanted
    n = requests
    differences = [by * (1 + 0.01 * k) for k in range(n)]
    assert held.paired is not None
    assert held.paired.difference.n == n
    assert held.paired.difference.mean == pytest.approx(np.mean(differences))
    theirs_interval = stats.bootstrap(
        (differences,), np.mean, n_resamples=20000, rng=np.random.default_rng(0)
    ).confidence_interval
    assert held.paired.interval == pytest.approx(tuple(theirs_interval), abs=5e-5)
    assert [row.row.row for is_mine, row in cell.rows if is_mine] == [label]
    gaps = [row.estimates["gap"].mean for _, row in cell.rows]
    assert gaps == sorted(gaps)


def test_a_row_is_compared_with_the_boards_best_and_with_its_own_name(rows):
    mine = moved(find(rows, CELLS[0], "iu", "tuned"), 0.02)
    (cell,) = compare_with_board([mine], rows).cells
    assert [(held.other.row.row, held.is_best) for held in cell.comparisons] == [
        ("ugradsl_plus", True),
        ("iu", False),
    ]
    wanted = np.mean([0.08 * (1 + 0.1 * k) + 0.02 * (1 + 0.01 * k) for k in range(3)])
    best = np.mean([0.02 * (1 + 0.1 * k) for k in range(3)])
    assert cell.comparisons[0].paired.difference.mean == pytest.approx(wanted - best)


def test_a_row_that_is_on_the_board_is_not_compared_with_itself(rows):
    (cell, _) = compare_with_board(rows, rows).cells
    others = {(held.own.row.row, held.other.row.row) for held in cell.comparisons}
    assert ("ugradsl_plus", "ugradsl_plus") not in others
    assert ("ft", "ugradsl_plus") in others
    assert not any(mine == other for mine, other in others)


def test_verdicts_are_corrected_for_the_comparisons_of_the_cell(rows):
    """Two rows of mine, each against the best and against its like: four comparisons."""
    theirs = longer(rows, 8)
    mine = [moved(find(theirs, CELLS[0], name, "tuned"), 0.01) for name in ("ft", "iu")]
    (cell,) = compare_with_board(mine, theirs).cells
    assert [held.paired.family for held in cell.comparisons] == [4] * 4
    assert [held.paired.p_value for held in cell.comparisons] == [2 / 2**8] * 4
    assert [held.paired.p_holm for held in cell.comparisons] == [4 * 2 / 2**8] * 4
    assert {verdict_text(held) for held in cell.comparisons} == {"farther from Retrain, p = 0.031"}
    (cell,) = compare_with_board([moved(row, 0, 7) for row in mine], theirs).cells
    assert {verdict_text(held) for held in cell.comparisons} == {
        "too few requests: 8 pairs are needed"
    }


def test_what_cannot_be_paired_is_said(rows):
    theirs = find(rows, CELLS[0], "ft", "tuned")
    board = [row for row in rows if row.row in ("retrain", "ft")]
    (cell,) = compare_with_board([moved(theirs, 0.01, forget_hash="other")], board).cells
    (held,) = cell.comparisons
    assert held.paired is None
    assert held.means == pytest.approx(np.mean([0.01, 0.0101, 0.0102]))
    assert held.remarks == ("3 requests of the same name with another forget set",)
    assert verdict_text(held) == "none: the means are over different requests"
    node = node_of(theirs)
    for term in ("ua", "ra", "ta", "mia_svc"):
        node["requests"][0][term] -= 0.03
        node["requests"][0]["retrain"][term] -= 0.03
    node["tuning"]["trials"] = 9
    (cell,) = compare_with_board([BoardRow.model_validate(node)], board).cells
    (held,) = cell.comparisons
    assert held.paired.difference.n == 2
    assert held.remarks == (
        "1 request with another Retrain (beyond the noise floor)",
        "tuned with 9 candidates, the board's 4",
    )


def test_a_cell_that_the_board_lacks_is_named(rows, tmp_path, mubench_):
    board = [row for row in rows if row.cell == CELLS[0]]
    write_site(site_files(make_board(board)), tmp_path / "board")
    put_report(tmp_path / "report", source())
    code, out, error = mubench_("compare", tmp_path / "report", tmp_path / "board")
    assert (code, error) == (0, "")
    assert f"{CELLS[1]}: not on the board" in out
    assert "own" in out


def test_mine_is_a_report_a_row_a_folder_or_a_sweep(rows, tmp_path):
    made = source()
    store = str(tmp_path / "store")
    save(Store(store), made)
    put_report(tmp_path / "report", made)
    (tmp_path / "rows").mkdir()
    files = [put(tmp_path / "rows", row) for row in rows]
    assert load_own_rows("toy", store) == rows
    assert load_own_rows(str(tmp_path / "report"), store) == rows
    assert set(map(to_json, load_own_rows(str(tmp_path / "rows"), store))) == set(
        map(to_json, rows)
    )
    assert load_own_rows(str(files[0]), store) == (rows[0],)
    with pytest.raises(InputError, match="no sweep 'other' was run here"):
        load_own_rows("other", store)
    with pytest.raises(InputError, match="no such file or folder, and no store"):
        load_own_rows("other", str(tmp_path / "none"))


# In a browser


@pytest.fixture(scope="module")
def chromium_():
    with browser.launched() as launched:
        yield launched


OPEN_ALL = "for (const d of document.querySelectorAll('details')) d.open = true"


@pytest.mark.slow
def test_nothing_of_a_hostile_row_runs_in_a_browser(chromium_, rows, tmp_path):
    write_site(site_files(make_board(hostile_rows(rows))), tmp_path)
    for path in sorted(tmp_path.rglob("*.html"))[:6]:
        page = browser.opened(chromium_, path)
        page.evaluate(OPEN_ALL)
        assert page.locator("img").count() == 0
        for button in page.locator("button:visible").all()[:6]:
            button.click()
        assert page.problems == []
        page.close()


@pytest.mark.slow
def test_the_site_works_from_a_file_sorted_filtered_and_opened(chromium_, built):
    out, _ = built
    page = browser.opened(chromium_, out / "index.html")
    visible = page.locator("tr[data-selection]:visible")
    assert visible.count() == 15
    page.get_by_role("button", name="Tuned", exact=True).click()
    assert visible.count() == 8  # doing nothing among them
    page.locator(".matrix a.number").first.click()
    assert page.locator("details[open]").count() == 1, "a number of the matrix opens its row"
    page.get_by_role("button", name="UA (%)").click()
    keys = page.locator("tbody.tuned tr:not(.group) td:nth-child(2)").evaluate_all(
        "cells => cells.map(cell => Number(cell.dataset.key))"
    )
    assert keys == sorted(keys)
    cell = (out / "cells" / f"{slug(CELLS[1])}.html").as_uri()
    assert [asked.partition("#")[0] for asked in page.problems] == [cell], "the only request"
    page.close()


@pytest.mark.slow
def test_no_page_keeps_anybody_out_in_either_theme(chromium_, rows, tmp_path):
    contents = site_files(
        make_board(row for row in rows if row.row in ("retrain", "original", "iu"))
    )
    write_site(contents, tmp_path)
    for name, scheme in (
        ("index.html", "light"),
        (f"cells/{slug(CELLS[0])}.html", "dark"),
        (f"cells/{slug(CELLS[0])}.html", "light"),
        ("methods/iu.html", "dark"),
    ):
        size = {"width": 390, "height": 844}
        page = browser.opened(chromium_, tmp_path / name, color_scheme=scheme, viewport=size)
        page.evaluate(OPEN_ALL)
        assert browser.serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.close()
