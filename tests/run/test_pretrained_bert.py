"""A BERT of a folder, from texts to scores."""

import pytest
import torch

from mubench.run.open_sweep import open_sweep
from mubench.run.workspace import Workspace
from tests.support.bert_folder import bert_sweep, write_bert
from tests.support.sweep_world import finish

pytestmark = pytest.mark.usefixtures("plain_environment", "cache_dir")


def test_a_bert_of_a_folder_runs_from_texts_to_scores(tmp_path):
    write_bert(tmp_path / "bert")
    opened = open_sweep(bert_sweep(tmp_path), str(tmp_path / "store"), decode=True)
    assert opened.plan.cells == ("notes/bert_base[source=bert]/random-0.2",)
    records = finish(opened)
    assert {(record.status, record.message) for record in records.values()} == {("ok", "")}
    assert {record.model for record in records.values()} == {"bert_base[source=bert]"}
    step = next(step for step in opened.plan.steps.values() if step.kind == "final")
    inputs = Workspace(opened.store).open(step)
    weights = inputs.new_model().state_dict()
    assert weights["body.embeddings.word_embeddings.weight"].shape[1] == 8
    batch = inputs.forget.take(torch.arange(1)).inputs
    assert batch["input_ids"].shape == (1, 256)
    assert batch["input_ids"][0, 0] == 2
