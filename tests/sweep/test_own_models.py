"""Models that a sweep describes: planned, and refused where they would run foreign code."""

import pickle
import subprocess
import sys

import pytest

from mubench.catalogue import plugins
from mubench.errors import InputError
from mubench.run.open_sweep import open_sweep
from mubench.store.lookup import parse_sweep
from mubench.store.results_files import pack_outline, unpack
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.own_models import NET, PARTS, write_folder, write_net
from tests.support.own_sweep import write

pytestmark = pytest.mark.usefixtures("no_plugins", "cache_dir", "plain_environment")


def plan(folder, *models, **more):
    return open_sweep(write(folder, *models, **more), str(folder / "store"), device="cpu").plan


def card(folder, node, **more):
    return load.load(write(folder, node, **more)).spec.grid.model[0].card


def refusal(folder, *models, **more):
    with pytest.raises(InputError) as caught:
        plan(folder, *models, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


MINE = {"module": "my_models:net"}


def give(folder, source=NET, parts=PARTS):
    plugins.add([plugins.read_code(write_net(folder, source, parts))])


def test_a_function_of_a_given_file_is_a_model(tmp_path):
    give(tmp_path)
    found = plan(tmp_path, MINE, {**MINE, "name": "wide", "arguments": {"width": 9}})
    assert found.cells == ("digits/my_models-net/random-0.1", "digits/wide/random-0.1")
    pickle.loads(pickle.dumps(found))  # steps go to workers
    assert "mubench_plugin_my_models" not in sys.modules
    assert "parts" not in sys.modules


def test_a_function_may_be_for_tables(tmp_path):
    give(tmp_path)
    found = plan(tmp_path, {**MINE, "table": True}, "mlp", dataset="breast_cancer")
    assert found.cells == (
        "breast_cancer/my_models-net/random-0.1",
        "breast_cancer/mlp/random-0.1",
    )


def test_ids_follow_the_function_its_neighbours_its_arguments_and_its_weights(tmp_path):
    give(tmp_path)
    first = plan(tmp_path, MINE).steps.keys()

    def kept(node=MINE):
        return len(first & plan(tmp_path, {"name": "my_models-net", **node}).steps.keys())

    give(tmp_path, NET + "# a comment\n\ndef other(): ...\n", PARTS + "# a comment\n")
    assert kept() == len(first)
    give(tmp_path, NET.replace("width=4", "width=5"))
    assert kept() == 0
    give(tmp_path, NET, PARTS.replace("padding=1", "padding=2"))
    assert kept() == 0
    give(tmp_path)
    assert kept() == len(first)
    assert kept({**MINE, "arguments": {"width": 5}}) == 0
    (tmp_path / "w.pt").write_bytes(b"some weights")
    with_weights = plan(tmp_path, {**MINE, "weights": "w.pt"}).steps.keys()
    (tmp_path / "w.pt").write_bytes(b"other weights")
    assert not first & with_weights
    assert not with_weights & plan(tmp_path, {**MINE, "weights": "w.pt"}).steps.keys()


def test_without_the_file_on_the_command_line_no_code_is_read_or_run(tmp_path):
    """A file beside the sweep, a module that is installed, one of mubench: none is taken."""
    write_net(tmp_path, "raise SystemExit('it ran')\n" + NET)
    for module in ("my_models:net", "os:system", "mubench.cli.main:main", "subprocess:run"):
        found = refusal(tmp_path, {"module": module})
        file = module.partition(":")[0]
        assert f"grid.model.module: no file {file}.py was given; " in found
        assert found.endswith(f"a sweep runs code only of files that you name: --plugin {file}.py")


def test_a_card_that_names_code_is_refused_in_a_sweep(tmp_path):
    declared = {"name": "x", "module": "os", "builder": "system", "arguments": {"command": "true"}}
    for node in ({"name": "x", "declared": declared}, {"declared": declared, "options": {}}):
        assert "model.declared: unknown key; write a name" in refusal(tmp_path, node)


def test_the_plan_of_a_stranger_runs_no_code_of_its_choice(tmp_path):
    """What a store or report holds of a sweep is the text of the sweep: parsed as one."""
    give(tmp_path)
    opened = open_sweep(write(tmp_path, MINE), str(tmp_path / "store"), device="cpu")
    stored = unpack(pack_outline(opened.outline), "there")
    again = make_plan(parse_sweep(stored), "cpu")
    assert again.steps.keys() == opened.plan.steps.keys()
    plugins._added.clear()
    with pytest.raises(InputError, match=r"no file my_models\.py was given"):
        parse_sweep(stored)
    declared = {"name": "x", "module": "os", "builder": "system", "arguments": {}}
    stored.document["grid"]["model"] = [{"name": "x", "options": {}, "declared": declared}]
    with pytest.raises(InputError, match=r"model\.declared: unknown key"):
        parse_sweep(stored)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            {"module": "my_models"},
            "module: 'my_models': write FILE:FUNCTION, such as my_models:net",
        ),
        ({"module": "my_models:nett"}, "my_models defines no 'nett'; did you mean 'net'?"),
        ({"module": "my_modles:net"}, "no file my_modles.py was given; did you mean 'my_models'?"),
        ({**MINE, "argument": {}}, "module.argument: unknown key; did you mean 'arguments'?"),
        ({**MINE, "arguments": [1]}, "module: arguments: a mapping is needed; got [1]"),
        ({**MINE, "name": "resnet18"}, "module: name: 'resnet18' cannot name a model: "),
        ({**MINE, "name": None}, "module: name: a name is needed; got None"),
        ({**MINE, "name": "a/b"}, "module: name: 'a/b' cannot name a model: "),
        ({**MINE, "weights": "no.pt"}, "grid.model.my_models-net.weights: no.pt: no such file"),
        ({**MINE, "tokens": {"length": 9}}, "tokens: either vocabulary or source is needed"),
        ({**MINE, "tokens": {"lenght": 9}}, "grid.model.module: tokens"),
        ({**MINE, "table": "yes"}, "module: table: true or false is needed; got 'yes'"),
        (
            {**MINE, "table": True, "tokens": {"length": 9, "vocabulary": 9}},
            "module: table: a model takes texts or tables; leave one of the two out",
        ),
        ({**MINE, "table": True}, "'my_models-net' takes tables, 'digits' has none"),
        ({"module": 3}, "module: a name is needed; got 3"),
        (
            {"timm": "resnt18"},
            "grid.model.timm: timm has no model 'resnt18'; did you mean 'resnet18'",
        ),
        (
            {"timm": "resnet18", "pretrained": "yes"},
            "pretrained: true or false is needed; got 'yes'",
        ),
        (
            {"timm": "resnet18", "pretrained": True, "weights": "w.pt"},
            "weights: the model is pretrained; leave one of the two out",
        ),
        ({"transformers": "./nowhere"}, "transformers: ./nowhere: no such folder; put config.json"),
        ({"transformers": "./empty"}, "has no config.json; put the files of the model there"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path, node, message):
    (tmp_path / "empty").mkdir()
    give(tmp_path)
    found = refusal(tmp_path, node)
    assert message in found
    assert found.startswith(str(tmp_path / "own.yaml"))


def test_a_file_that_python_cannot_read_is_one_line(tmp_path):
    give(tmp_path, "def net(:\n")
    assert "my_models.py: cannot be parsed: invalid syntax in line 1" in refusal(tmp_path, MINE)


def test_a_method_without_its_card_is_told_what_is_missing(tmp_path):
    give(tmp_path)
    found = refusal(tmp_path, MINE, methods={"my_models": {}})
    assert (
        "my_models.py was given, but not as one: its card my_models.yaml says what it is" in found
    )


def test_a_model_of_timm_has_its_family_and_a_recipe(tmp_path):
    pytest.importorskip("timm")
    found = card(tmp_path, {"timm": "vit_tiny_patch16_224", "arguments": {"depth": 2}})
    assert (found.name, found.family) == ("timm-vit_tiny_patch16_224", "transformer")
    assert found.packages == ("timm",)
    assert found.recipe["optimizer"] == "sgd"
    assert card(tmp_path, {"timm": "resnet10t", "pretrained": True}).recipe["optimizer"] == "adamw"
    made = plan(tmp_path, {"timm": "vit_tiny_patch16_224"})
    refused = {step.method for step in made.steps.values() if getattr(step, "refusal", None)}
    assert refused == {"ct"}
    assert {step.training.recipe.epochs for step in made.steps.values()} == {1}


def test_a_folder_of_transformers_is_told_apart_by_content_and_gives_the_tokens(tmp_path):
    source = write_folder(tmp_path / "bert", "bert")
    found = card(tmp_path, {"transformers": "bert", "pretrained": True}, dataset="newsgroups")
    assert dict(found.tokens) == {"length": 38, "source": source}
    assert found.modality == "text"
    short = {"transformers": "bert", "length": 12}
    assert card(tmp_path, short, dataset="newsgroups").tokens["length"] == 12
    long = refusal(tmp_path, {**short, "length": 41}, dataset="newsgroups")
    assert "transformers: length: the model takes at most 40 tokens" in long
    first = step_ids(tmp_path, "bert")
    (tmp_path / "bert").rename(tmp_path / "moved")
    assert step_ids(tmp_path, "moved") == first
    write_folder(tmp_path / "moved", "bert", seed=1)
    assert not step_ids(tmp_path, "moved") & first


def test_the_tokenizer_of_a_function_for_texts_counts_by_content(tmp_path):
    give(tmp_path)
    write_folder(tmp_path / "words", "bert", weights=False)
    node = {**MINE, "tokens": {"length": 16, "source": "words"}}
    assert card(tmp_path, node, dataset="newsgroups").tokens["source"] == str(tmp_path / "words")
    first = plan(tmp_path, node, dataset="newsgroups").steps.keys()
    assert plan(tmp_path, node, dataset="newsgroups").steps.keys() == first
    (tmp_path / "words" / "tokenizer.json").write_text("{}")
    assert not first & plan(tmp_path, node, dataset="newsgroups").steps.keys()


def step_ids(folder, source):
    node = {"transformers": source, "pretrained": True, "name": "mine"}
    return plan(folder, node, dataset="newsgroups").steps.keys()


def test_a_model_of_images_takes_no_texts(tmp_path):
    write_folder(tmp_path / "vit", "vit", weights=False)
    found = refusal(tmp_path, {"transformers": "vit"}, dataset="newsgroups")
    assert "grid.model: 'hf-vit' takes images, 'newsgroups' has none" in found
    assert "length: is for models of text" in refusal(
        tmp_path, {"transformers": "vit", "length": 3}
    )


def test_one_name_twice_is_refused(tmp_path):
    give(tmp_path)
    assert "grid.model: 'my_models-net' is listed twice" in refusal(
        tmp_path, MINE, {**MINE, "arguments": {"width": 9}}
    )


def test_planning_a_sweep_of_other_models_loads_neither_timm_nor_torch(tmp_path):
    code = (
        "import sys; from mubench.sweep.load import load; load(sys.argv[1]); "
        "print([n for n in ('torch', 'timm', 'transformers') if n in sys.modules])"
    )
    path = write(tmp_path, "small_cnn")
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
