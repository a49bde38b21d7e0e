"""Example images and texts from stored outputs."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from sklearn.datasets import load_breast_cancer, load_digits

from mubench.catalogue import cards
from mubench.data.cache.decoded import StoredDataset, StoredSplit
from mubench.report.build import build
from mubench.run import examples as module
from mubench.run.examples import make_examples, png, read_media, save_examples
from mubench.store.results_files import EXAMPLES, read_results, unpack_examples
from mubench.sweep.grid import DatasetSpec
from tests.support.stored_sweep import by_row, of

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


HOSTILE = "</script><img src=x onerror=alert(1)> 'cat' & \"dog\""


def counted(part):
    """How many q_y in each of 25 bins."""
    q = softmax(part.logits.astype(float), axis=1)[np.arange(len(part)), part.labels]
    return tuple(np.histogram(q, 25, (0, 1))[0].tolist())


def test_examples_are_counted_and_chosen_from_the_stored_outputs(store):
    found = make_examples(store, read_results(store, "tiny"), None)
    [(cell, shown)] = found.cells.items()
    rows, tuned = by_row(store), by_row(store)["ga", "tuned"]
    assert (cell, shown.request) == (tuned.cell, tuned.request)
    labels = [(each.row, each.selection) for each in shown.confidences]
    assert labels == [("retrain", ""), ("original", ""), ("ga", "tuned")]
    anchor = rows["retrain 0", ""]
    for key, confidences in ((anchor, shown.confidences[0]), (tuned, shown.confidences[2])):
        assert confidences.forget == counted(of(store, key.unlearn_id, "forget"))
        held = of(store, key.unlearn_id, "test").labelled_like_members()
        alike = np.isin(held.labels, of(store, key.unlearn_id, "forget").labels)
        assert 200 < alike.sum() < len(held), "this small D_f lacks a class"
        assert confidences.holdout == counted(held.where(alike))
    retrained, own = (of(store, r.unlearn_id, "forget") for r in (anchor, tuned))
    p, q = (softmax(part.logits.astype(float), axis=1) for part in (retrained, own))
    apart = jensenshannon(p, q, axis=1) ** 2
    chosen = np.argsort(-apart)[:4]
    odd = [each for each in shown.oddities if each.row == "ga"]
    assert [each.example for each in odd] == own.ids[chosen].tolist()
    for each, at in zip(odd, chosen, strict=True):
        assert each.divergence == pytest.approx(apart[at], abs=1e-9)
        assert each.label == str(own.labels[at])
        assert each.retrained == f"{p[at].argmax()} {p[at].max():.2f}"
        assert each.unlearned == f"{q[at].argmax()} {q[at].max():.2f}"
    assert {each.row for each in shown.oddities} == {"original", "ga"}


def test_media_are_the_pixels_of_the_examples(store):
    shown = next(iter(make_examples(store, read_results(store, "tiny"), None).cells.values()))
    assert set(shown.media) == {each.example for each in shown.oddities}
    for key, uri in shown.media.items():
        kind, _, content = uri.partition(",")
        assert kind == "data:image/png;base64"
        image = Image.open(io.BytesIO(base64.b64decode(content)))
        expected = np.rint(load_digits().images[key] * 255 / 16)
        np.testing.assert_array_equal(np.asarray(image), expected)


def test_large_images_are_reduced_and_small_ones_are_not():
    def size(*shape):
        content = base64.b64decode(png(np.zeros(shape, np.uint8)).partition(",")[2])
        image = Image.open(io.BytesIO(content))
        return image.size, image.mode

    assert size(3, 32, 28) == ((28, 32), "RGB")
    assert size(1, 64, 64) == ((64, 64), "L")
    assert size(3, 100, 200) == ((64, 32), "RGB")


def test_a_run_makes_examples_before_its_report(store, finished, mubench_):
    code, out, _ = mubench_(
        "run", finished / "tiny.yaml", "--store", store.uri, "--no-mlflow", "--out", "report"
    )
    assert (code, "0 to run" in out) == (0, True)
    written = Path("report", EXAMPLES).read_bytes()
    assert written == store.sweep_file("tiny", EXAMPLES)
    assert unpack_examples(written, "here").cells


def test_what_is_made_of_the_same_records_is_not_made_again(store, monkeypatch):
    results = read_results(store, "tiny")
    save_examples(store, results, None)
    made = read_results(store, "tiny")
    assert made.examples.made_of

    def fail(*args):
        raise AssertionError("examples are made again")

    with monkeypatch.context() as patch:
        patch.setattr(module, "make_examples", fail)
        save_examples(store, made, None)
    later = tuple(replace(record, created="2999-01-01T00:00:00") for record in made.records)
    monkeypatch.setattr(module, "make_examples", fail)
    with pytest.raises(AssertionError, match="made again"):
        save_examples(store, replace(made, records=later), None)


def test_examples_without_their_pictures_are_made_again(store, monkeypatch):
    results = replace(read_results(store, "tiny"), examples=None)
    monkeypatch.setattr(module, "_readable_media", lambda *args: {})
    save_examples(store, results, None)
    assert read_results(store, "tiny").examples.made_of == ""


def test_media_that_are_known_stay_where_the_data_are_not(store):
    save_examples(store, read_results(store, "tiny"), None)
    source = replace(read_results(store, "tiny"), document={})
    assert make_examples(store, source, None) == source.examples
    bare = make_examples(store, replace(source, examples=None), None)
    [shown] = bare.cells.values()
    assert not shown.media
    assert len(shown.oddities) == 8


def test_what_cannot_be_read_is_left_out(store):
    rows = by_row(store)
    store.artefacts.discard(rows["ga", "tuned"].unlearn_id)
    [shown] = make_examples(store, read_results(store, "tiny"), None).cells.values()
    assert [each.row for each in shown.confidences] == ["retrain", "original"]
    store.artefacts.discard(rows["retrain 0", ""].unlearn_id)
    [shown] = make_examples(store, read_results(store, "tiny"), None).cells.values()
    assert not shown.confidences
    assert not shown.oddities


def name_classes(monkeypatch, source, names):
    """The classes of digits have these names from now on."""
    [options] = source.document["grid"]["dataset"]
    card = {**cards.dataset("digits").card, "classes": names}
    data = {k: v for k, v in options.items() if k != "name"}
    spec = DatasetSpec(name="digits", options=data, declared=card)
    monkeypatch.setattr(module, "datasets", lambda axis: (spec,))


def test_hostile_class_names_stay_text(store, tmp_path, monkeypatch):
    source = read_results(store, "tiny")
    name_classes(monkeypatch, source, [HOSTILE] * 10)
    made = make_examples(store, source, None)
    [shown] = made.cells.values()
    assert {each.label for each in shown.oddities} == {HOSTILE}
    assert all(each.unlearned.startswith(f"{HOSTILE} ") for each in shown.oddities)
    assert len(shown.media) >= 4
    page = build(replace(source, examples=made), tmp_path / "report").page.read_text()
    assert "<img src=x" not in page
    name_classes(monkeypatch, source, ["zero", "one"])
    fewer = make_examples(store, source, None)
    assert next(iter(fewer.cells.values())).oddities[0].label.isdecimal()


def test_a_text_is_its_beginning_without_what_a_sweep_removes(monkeypatch):
    texts = [f"From: someone\n\n{HOSTILE}\n\n  {'long ' * 99}", "From: nobody\n\nshort"]
    held = StoredSplit(texts, np.zeros(2, int), np.array([7, 9]), None)
    monkeypatch.setattr(
        "mubench.run.examples.stored_dataset",
        lambda card, data_dir: StoredDataset({"train": held}, (), (), ""),
    )
    options = {"remove": ["headers"]}
    card = {**cards.dataset("digits").card, "modality": "text", "options": options}
    found = read_media(DatasetSpec(name="digits", declared=card), [9, 7, 8], None)
    assert list(found) == [7, 9]
    assert found[7] == f"{HOSTILE} {'long ' * 99}"[:200]
    assert found[9] == "short"


def test_a_row_of_a_table_is_shown_in_words():
    data = DatasetSpec(name="breast_cancer")
    found = read_media(data, [8], None)
    bunch = load_breast_cancer()
    assert found[8].startswith(f"mean radius {bunch.data[8, 0]:.6g}, mean texture ")
    assert len(found[8]) == module.LONGEST_TEXT
