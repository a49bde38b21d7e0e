"""Classifiers of transformers from a folder: right, or refused in one line."""

import json
import sys

import pytest
import torch
import transformers

from mubench.catalogue import cards
from mubench.errors import InputError
from mubench.models.build import build_model
from mubench.models.hugging_face import describe, hugging_face_classifier
from tests.support.own_models import IMAGES, KINDS, texts, write_folder

pytestmark = pytest.mark.usefixtures("no_progress_bars")

K = 3


def shape_of(kind):
    return (3, 16, 16) if kind in IMAGES else (20,)


def built(source, kind, k=K, *, pretrained=True, weights=None, **arguments):
    return hugging_face_classifier(
        shape_of(kind),
        k,
        source=source,
        pretrained=pretrained,
        arguments=arguments,
        weights=weights,
    ).eval()


def inputs_of(kind):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 3, 16, 16, generator=generator) if kind in IMAGES else texts()


@pytest.mark.parametrize("kind", KINDS)
def test_the_logits_are_those_of_transformers(tmp_path, kind):
    source = write_folder(tmp_path, kind)
    ours, inputs = built(source, kind), inputs_of(kind)
    auto = transformers.AutoModelForImageClassification
    if kind not in IMAGES:
        auto = transformers.AutoModelForSequenceClassification
    theirs = auto.from_pretrained(source).eval()
    with torch.no_grad():
        if kind in IMAGES:
            expected = theirs(inputs).logits
        else:  # without padding, which no model may see
            theirs.config.pad_token_id = ours.network.config.pad_token_id
            expected = theirs(input_ids=inputs["input_ids"][:, :12]).logits
        torch.testing.assert_close(ours(inputs), expected, atol=1e-5, rtol=1e-4)
    assert ours.classifier.out_features == K
    if kind != "gpt2":  # its last layer sees every token
        assert ours.features(inputs).shape == (6, ours.classifier.in_features)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in IMAGES])
def test_padding_does_not_change_the_logits(tmp_path, kind):
    """gpt2 looks for the last token that is no padding, by its own number of padding."""
    model = built(write_folder(tmp_path, kind, pad_token_id=1), kind)
    long = texts()
    short = {name: value[:, :12] for name, value in long.items()}
    other = {**long, "input_ids": long["input_ids"] + 7 * (1 - long["attention_mask"])}
    with torch.no_grad():
        torch.testing.assert_close(model(long), model(short), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(model(long), model(other), atol=1e-5, rtol=1e-4)


def test_random_weights_follow_the_seed_and_pretrained_ones_do_not_but_for_a_new_last_layer(
    tmp_path,
):
    source = write_folder(tmp_path, "bert")

    def differing(pretrained):
        card = {"module": "mubench.models.hugging_face", "builder": "hugging_face_classifier"}
        card["arguments"] = {"source": source, "pretrained": pretrained, "arguments": {}}
        one, two = (build_model(card, 5, (20,), seed).state_dict() for seed in (0, 1))
        return {name for name in one if not torch.equal(one[name], two[name])}

    assert differing(True) == {"network.classifier.weight"}
    assert len(differing(False)) > 10


def test_a_folder_says_modality_family_and_length(tmp_path):
    for kind, expected in {
        "bert": ("text", "transformer", 38, 40),
        "vit": ("image", "transformer", 0, 0),
        "resnet": ("image", "cnn", 0, 0),
    }.items():
        source = write_folder(tmp_path / kind, kind, weights=False)
        assert tuple(describe(source, {}, pretrained=False)) == expected


def test_a_configuration_is_enough_without_pretrained_weights_and_arguments_change_it(tmp_path):
    source = write_folder(tmp_path, "bert", weights=False)
    model = built(source, "bert", pretrained=False, num_hidden_layers=1)
    assert len(model.network.bert.encoder.layer) == 1
    images = write_folder(tmp_path / "vit", "vit", weights=False, image_size=224, patch_size=8)
    assert built(images, "vit", pretrained=False)(torch.ones(2, 3, 16, 16)).shape == (2, K)


def test_half_precision_weights_become_float32(tmp_path):
    source = write_folder(tmp_path, "bert")
    network = transformers.AutoModelForSequenceClassification.from_pretrained(source)
    network.to(torch.bfloat16).save_pretrained(source)
    assert {p.dtype for p in built(source, "bert").parameters()} == {torch.float32}


def refusal(source, kind="bert", **more):
    with pytest.raises(InputError) as caught:
        built(source, kind, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(source, "SOURCE")


def change_config(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_a_folder_that_lacks_something_is_refused_in_one_line(tmp_path):
    source = write_folder(tmp_path, "bert")
    assert refusal(f"{source}/no") == "SOURCE: no such folder; put config.json there"
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    assert "has no model.safetensors; put it there (pickles are never read)" in refusal(source)
    (tmp_path / "pytorch_model.bin").unlink()
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    assert refusal(source).startswith("model SOURCE: cannot be loaded: ")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    assert refusal(source) == "SOURCE: has no tokenizer; put tokenizer.json there"
    (tmp_path / "config.json").write_text("{")
    assert "its configuration cannot be read" in refusal(source)
    (tmp_path / "config.json").unlink()
    assert refusal(source) == "SOURCE: has no config.json; put the files of the model there"


def test_weights_of_another_size_are_refused_and_not_drawn_anew(tmp_path):
    source = write_folder(tmp_path, "bert")
    change_config(tmp_path, hidden_size=8)
    assert "of its weights are missing or of another shape, first bert." in refusal(source)


def test_no_code_of_a_folder_is_run(tmp_path):
    source = write_folder(tmp_path, "bert")
    (tmp_path / "own.py").write_text("raise SystemExit('it ran')\n")
    change_config(tmp_path, model_type="own", auto_map={"AutoConfig": "own.Config"})
    assert "its configuration cannot be read" in refusal(source)
    change_config(
        tmp_path,
        model_type="bert",
        auto_map={"AutoModelForSequenceClassification": "own.Model", "AutoConfig": "own.Config"},
    )
    built(source, "bert")
    about = json.loads((tmp_path / "tokenizer_config.json").read_text())
    about["auto_map"] = {"AutoTokenizer": ["own.Tokenizer", None]}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(about))
    assert refusal(source) == "SOURCE: its tokenizer is code of its own, which is never run"


@pytest.mark.parametrize(
    "argument", ["auto_map", "num_labels", "_attn_implementation", "attn_implementation", "hiden"]
)
def test_arguments_change_only_what_a_configuration_has(tmp_path, argument):
    source = write_folder(tmp_path, "bert", weights=False)
    found = refusal(source, pretrained=False, **{argument: "x"})
    assert found.startswith(f"arguments.{argument}: unknown; ")


def test_a_model_that_classifies_nothing_is_refused(tmp_path):
    transformers.AutoConfig.for_model("clap").save_pretrained(tmp_path)
    assert "a model of type clap classifies neither texts nor images" in refusal(
        str(tmp_path), pretrained=False
    )


def test_without_the_package_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"pip install 'mubench\[text\]'"):
        describe(str(tmp_path), {}, pretrained=False)


def test_the_name_of_a_family_is_one_that_methods_refuse():
    assert cards.method("ct").refusal("transformer") is not None
