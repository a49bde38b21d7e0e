"""BERT: its mask, its sources, and its seed."""

import sys

import pytest
import torch
import transformers
from transformers import BertConfig, BertForPreTraining, BertModel, RobertaConfig, RobertaModel

from mubench.errors import InputError
from mubench.models.bert import bert
from mubench.models.build import build_model
from tests.support.bert import SIZES, texts

pytestmark = pytest.mark.usefixtures("no_progress_bars")


CONFIG = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 20,
}


@pytest.fixture
def saved(tmp_path):
    """A folder as a hub has it, in bfloat16 and with the heads of pre-training."""
    with torch.random.fork_rng():
        model = BertForPreTraining(BertConfig(**CONFIG)).to(torch.bfloat16)
    model.save_pretrained(tmp_path)
    return model.float().eval(), tmp_path


def test_padding_does_not_change_the_logits():
    model, inputs = bert((12,), 3, **SIZES).eval(), texts()
    others = {**inputs, "input_ids": inputs["input_ids"].clone()}
    padding = inputs["attention_mask"] == 0
    others["input_ids"][padding] = (others["input_ids"][padding] + 7) % 50
    with torch.no_grad():
        logits = model(inputs)
        assert torch.allclose(model(others), logits, atol=1e-5)
        for k in range(4):
            alone = {name: value[k : k + 1, : 5 + k] for name, value in inputs.items()}
            assert torch.allclose(model(alone), logits[k : k + 1], atol=1e-5)
    assert (logits - logits[0]).abs().max() > 1e-3


def test_dropout_comes_before_the_classifier_and_only_in_training():
    model, inputs = bert((12,), 3, **SIZES, dropout=0.5).train(), texts()
    with torch.random.fork_rng():
        dropped = model.features(inputs) == 0
    assert 0.2 < dropped.float().mean() < 0.8
    model.eval()
    assert torch.equal(model(inputs), model(inputs))


def test_the_layers_are_those_of_transformers(saved):
    theirs, folder = saved
    ours, inputs = bert((12,), 3, source=str(folder)).eval(), texts()
    with torch.no_grad():
        expected = theirs.bert(**inputs).pooler_output
        torch.testing.assert_close(ours.features(inputs), expected, atol=1e-5, rtol=1e-5)


def test_of_a_source_only_the_classifier_depends_on_the_seed(saved):
    card = {"module": "mubench.models.bert", "builder": "bert"}
    card["arguments"] = {"source": str(saved[1])}
    state, bars = torch.get_rng_state(), transformers.utils.logging.is_progress_bar_enabled()
    level = transformers.utils.logging.get_verbosity()
    first, second = (build_model(card, 3, (12,), seed) for seed in (0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert transformers.utils.logging.get_verbosity() == level
    assert transformers.utils.logging.is_progress_bar_enabled() == bars
    differ = [
        name
        for name, p in first.named_parameters()
        if not torch.equal(p, second.get_parameter(name))
    ]
    assert differ == ["classifier.weight"]
    assert {p.dtype for p in first.parameters()} == {torch.float32}


def refusal(source, length=12):
    with pytest.raises(InputError) as caught:
        bert((length,), 3, source=str(source))
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(source), "SOURCE")


def test_a_source_that_lacks_something_is_refused_in_one_line(saved):
    _, folder = saved
    put = "put config.json and model.safetensors there"
    assert refusal(folder / "x") == f"model BERT: SOURCE: no such folder; {put}"
    assert refusal(folder, 21) == "model BERT: takes texts of at most 20 tokens, got 21"
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert refusal(folder) == (
        f"model BERT: SOURCE: has no model.safetensors; {put} (pickles are never read)"
    )
    (folder / "model.safetensors").write_bytes(b"no weights")
    assert refusal(folder).startswith("model BERT: SOURCE: cannot be loaded")
    (folder / "config.json").unlink()
    assert refusal(folder) == f"model BERT: SOURCE: has no config.json; {put}"


def test_a_source_that_is_no_whole_bert_is_refused(tmp_path):
    with torch.random.fork_rng():
        BertModel(BertConfig(**CONFIG), add_pooling_layer=False).save_pretrained(tmp_path / "a")
        RobertaModel(RobertaConfig(**CONFIG)).save_pretrained(tmp_path / "b")
    assert "SOURCE: its weights lack pooler.dense." in refusal(tmp_path / "a")
    assert refusal(tmp_path / "b") == "model BERT: SOURCE: holds a model of type roberta, not bert"


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError) as caught:
        bert((12,), 3, **SIZES)
    assert str(caught.value) == (
        "model BERT: needs the package transformers: pip install 'mubench[text]'"
    )
