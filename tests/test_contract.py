"""The contract catches methods that are broken on purpose, each as a file of a user's own."""

import re
from pathlib import Path
from textwrap import indent

import pytest
import torch
import yaml

from mubench.catalogue import plugins
from mubench.errors import ContractError
from mubench.methods.contract import access_clauses, card_clauses, global_state, run_clauses
from mubench.methods.contract import check as check_module
from mubench.methods.contract.case import Case
from mubench.methods.contract.check import OF_CARDS, OF_DEFAULTS, OF_RUNS, check
from mubench.methods.contract.toy_request import Request

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")

CLAUSES = (*OF_CARDS, *OF_RUNS, *OF_DEFAULTS)

FILE = '''"""Mine: {doc}"""

import copy
import gc
import itertools
import random
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from mubench.errors import Diverged, InputError, Refused
from mubench.methods.base import DescentMethod
from mubench.methods.shared.losses import cross_entropy, kl_divergence
from mubench.models.training.descent import descend

COUNT = itertools.count()


{decorator}
class Mine(DescentMethod):
    """{about}"""

    needs: ClassVar = frozenset({needs})
{fields}

    def unlearn(self, model, task, prepared):
{unlearn}
'''

DESCENT = """
retain = self.loader("retain", task)

def loss(batch):
    return {loss}

descend(model, self.settings(task), lambda _: retain.epoch(), loss, steps_per_epoch=len(retain))
"""
CE = "cross_entropy(model(batch.inputs), batch.labels).mean()"
RETAIN = DESCENT.format(loss=CE)

CARD = {
    "name": "mine",
    "title": "Mine",
    "paper": "unpublished",
    "version": 1,
    "needs": ["retain"],
    "source": "ours",
    "cost": {"forward": "epochs * n_r", "backward": "epochs * n_r"},
    "stochastic": True,
    "identity": {"epochs": 0},
    "params": {
        "learning_rate": {"default": 0.01, "range": {"log": [1.0e-4, 1.0e-1]}},
        "epochs": {"default": 5, "range": {"int": [1, 10]}},
        "batch_size": {"default": 256, "range": {"choice": [128, 256]}},
        "momentum": {"default": 0.9},
        "weight_decay": {"default": 0.0005},
        "optimizer": {"default": "sgd", "range": {"choice": ["sgd", "adamw"]}},
        "clip_norm": {"default": 0.0},
        "bn_mode": {"default": "train"},
        "augment": {"default": True},
    },
}


def mine(
    unlearn=RETAIN,
    needs=("retain",),
    fields="",
    doc="unpublished.",
    about="Descends on D_r, and more.",
    decorator="@dataclass(frozen=True, kw_only=True)",
    params=None,
    changes=None,
):
    """A user's file and its card, read as `mubench check` reads them."""
    text = FILE.format(
        doc=doc,
        about=about,
        decorator=decorator,
        needs=set(needs),
        fields=indent(fields, 4 * " "),
        unlearn=indent(unlearn, 8 * " "),
    )
    Path("mine.py").write_text(text)
    written = {**CARD, "needs": list(needs), **(changes or {})}
    written["params"] = {**CARD["params"], **(params or {})}
    Path("mine.yaml").write_text(yaml.safe_dump(written, sort_keys=False))
    plugins.add([plugins.read("mine.py")])
    return Case("mine")


def kl(student="model(batch.inputs)", teacher="task.teacher(batch.inputs)", call="", extra=CE):
    """A distillation on D_r whose call of a divergence is given."""
    call = call.format(s=student, t=teacher)
    return DESCENT.format(loss=f"{extra} + {call}")


TEACHER = ("retain", "teacher")
GOOD_KL = "kl_divergence({t}, {s}).mean()"
SCRUB = """
teacher = task.teacher
optimizer = torch.optim.SGD({parameters}, lr=0.1)
model.train()
for batch in task.loader("retain", 8, augment=True).epoch():
    loss = kl_divergence(teacher(batch.inputs), model(batch.inputs)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
"""As in a released code: the optimizer of the distillation is not given the student."""
PREPARE = """
prepare_params: ClassVar = {params}

def prepare(self, model, task):
    {before}
    return {value}
"""


def prepare(value="{'shift': torch.ones(3)}", before="pass", params=()):
    return PREPARE.format(value=value, before=before, params=params)


USE = "model.classifier.bias.data += 0.01 * prepared['shift']\n" + RETAIN
OTHERS = """
same_kind = [o for o in gc.get_objects() if type(o) is type(model) and o is not model]
others = [o for o in same_kind if str(o) == str(model)]  # nets of other tests may still be there
"""

BROKEN = [
    # --- the card
    (
        card_clauses.card_matches_class,
        {"changes": {"needs": ["forget", "retain"]}},
        "needs: ['forget', 'retain'] in the card, ['retain'] in the class",
    ),
    (
        card_clauses.card_matches_class,
        {"params": {"alpha": {"default": 0.1}}},
        "params: alpha: only in the class, or only in the card",
    ),
    (
        card_clauses.card_matches_class,
        {"params": {"clip_norm": {"default": 0}}},
        "params.clip_norm.default: 0 in the card, 0.0 in the class",
    ),
    (
        card_clauses.card_matches_class,
        {"fields": "beta: float", "params": {"beta": {"default": 0.1}}},
        "beta: give it a default in the class",
    ),
    (
        card_clauses.card_matches_class,
        {"needs": ("retain", "test")},
        "needs: test: unknown; known: forget, forget_labels, retain, validation, teacher, ",
    ),
    (
        card_clauses.card_matches_class,
        {"changes": {"identity": {"steps": 0}}},
        "identity: steps: unknown; known: learning_rate, epochs, ",
    ),
    (
        card_clauses.card_matches_class,
        {"changes": {"quick": {"steps": 0}}},
        "quick: steps: unknown; known: learning_rate, epochs, ",
    ),
    (
        card_clauses.card_matches_class,
        {"changes": {"refuses": {"audio": "no sound"}}},
        "refuses: audio: unknown; known: random, class, group, index, image, text, cnn",
    ),
    (
        card_clauses.card_matches_class,
        {"fields": prepare(params=("steps",))},
        "prepare_params: steps: unknown; known: learning_rate, epochs, ",
    ),
    (
        card_clauses.defaults_are_in_range,
        {"params": {"epochs": {"default": 5, "range": {"int": [6, 10]}}}},
        "params.epochs: the default 5 is outside its range",
    ),
    (
        card_clauses.defaults_are_in_range,
        {"params": {"epochs": {"default": 5, "when": {"optimizer": "sgd"}}}},
        "params.epochs.when: optimizer must come before it",
    ),
    (
        card_clauses.docstring_cites_paper,
        {"changes": {"paper": "Somebody, Something, 2024"}},
        "paper: no arXiv id, DOI or address in the card; write `unpublished` if there is none",
    ),
    (
        card_clauses.docstring_cites_paper,
        {"changes": {"paper": "Somebody, arXiv 2401.00001"}},
        "the file's docstring does not name 2401.00001, the card's paper",
    ),
    (
        card_clauses.docstring_cites_paper,
        {"doc": "arXiv 2401.00001.", "changes": {"paper": "Somebody, arXiv 2401.00001"}},
        "the file's docstring must say `Differs from the paper: ...`, or `As in the paper.`",
    ),
    (card_clauses.docstring_cites_paper, {"about": ""}, "Mine has no docstring"),
    (
        card_clauses.accepts_search_space_samples,
        {"params": {"epochs": {"default": 5, "range": {"uniform": [1.0, 10.0]}}}},
        "params.epochs.range gives ",
    ),
    (
        card_clauses.accepts_search_space_samples,
        {"params": {"optimizer": {"default": "sgd", "range": {"choice": ["sgd", "adam"]}}}},
        "params.optimizer.range gives 'adam'; the class expects typing.Literal['sgd', 'adamw']",
    ),
    (
        card_clauses.accepts_search_space_samples,
        {
            "fields": "def __post_init__(self):\n    if self.learning_rate == 0.1:\n"
            "        raise InputError('too large')",
        },
        "its space gives {'learning_rate': 0.1, 'epochs': 5, ",
    ),
    (
        card_clauses.accepts_search_space_samples,
        {"unlearn": "assert self.optimizer == 'sgd'\n" + RETAIN},
        "its space gives {'learning_rate': ",
    ),
    (
        card_clauses.cost_matches_card,
        {"changes": {"cost": {"forward": "2 * epochs * n_r", "backward": "epochs * n_r"}}},
        "cost.forward: 2 * epochs * n_r gives 128 (n_f = 16, n_r = 32, K = 3, n_v = 12); "
        "64 were counted",
    ),
    (
        card_clauses.cost_matches_card,
        {"changes": {"cost": {"forward": "epochs * n_r", "backward": "0"}}},
        "cost.backward: 0 gives 0 (n_f = 16, n_r = 32, K = 3, n_v = 12); 64 were counted",
    ),
    (
        card_clauses.cost_matches_card,
        {"changes": {"cost": {"forward": "64", "backward": "64"}}},
        "cost.forward: 64 gives 64 (n_f = 9, n_r = 26, K = 3, n_v = 12); 52 were counted",
    ),
    (
        card_clauses.cost_matches_card,
        {"changes": {"cost": {"forward": "steps * n_r", "backward": "epochs * n_r"}}},
        "cost.forward: steps * n_r: name 'steps' is not defined; known: ceil, max, min, round, ",
    ),
    (
        card_clauses.stochastic_matches_card,
        {"changes": {"stochastic": False}},
        "another seed gives other weights: write `stochastic: true`",
    ),
    (
        card_clauses.stochastic_matches_card,
        {"unlearn": "model.classifier.bias.data += 1"},
        "another seed gives the same weights: write `stochastic: false`, or draw through the task",
    ),
    (
        card_clauses.identity_settings_change_nothing,
        {"unlearn": "model.classifier.bias.data += 0.01\n" + RETAIN},
        "with {'epochs': 0} (`identity` in its card) the model still changes",
    ),
    # --- what it may read, draw from and touch
    (
        access_clauses.reads_only_declared_needs,
        {"unlearn": "task.forget\n" + RETAIN},
        "the method reads 'forget' but does not declare it in `needs`; add it there and to the "
        "card, or do not use it",
    ),
    (
        access_clauses.reads_only_declared_needs,
        {"unlearn": "task.splits['validation']\n" + RETAIN},
        "the method reads 'validation' but does not declare it in `needs`; add it there ",
    ),
    (
        access_clauses.reads_only_declared_needs,
        {"unlearn": "task.new_model()\n" + RETAIN},
        "the method uses initial weights but does not declare it in `needs`; add it there ",
    ),
    (
        access_clauses.reads_only_declared_needs,
        {"unlearn": "task.teacher\n" + RETAIN},
        "the method uses a teacher but does not declare it in `needs`; add it there ",
    ),
    (
        access_clauses.reads_only_declared_needs,
        {
            "unlearn": "hidden = task.retain._source.inputs\n"
            "model.classifier.bias.data += hidden.mean()\n" + RETAIN
        },
        "the result depends on D_f: add 'forget' to `needs` in class and card, or do not use it",
    ),
    (
        access_clauses.reads_only_declared_needs,
        {
            "needs": ("forget", "retain"),
            "unlearn": "batch = task.forget.take(torch.arange(8))\n"
            "cross_entropy(model(batch.inputs), batch.labels)\n" + RETAIN,
        },
        "the result depends on D_f's labels: add 'forget_labels' to `needs`",
    ),
    (
        access_clauses.reads_only_declared_needs,
        {
            "needs": ("forget", "retain"),
            "unlearn": "batch = task.forget.take(torch.arange(8))\n"
            "chosen = model(batch.inputs).detach()[range(8), batch.labels]  # -1: the last class\n"
            "model.classifier.bias.data += 0.01 * chosen.mean()\n" + RETAIN,
        },
        "the result depends on D_f's labels: add 'forget_labels' to `needs`",
    ),
    (
        access_clauses.teacher_is_unchanged,
        {
            "needs": TEACHER,
            "unlearn": "task.teacher.requires_grad_(True)\n"
            + SCRUB.format(parameters="teacher.parameters()"),
        },
        "Mine changed its teacher, the original model; the optimizer must hold the model's ",
    ),
    (
        access_clauses.teacher_is_unchanged,
        {
            "unlearn": "teacher = copy.copy(model).eval()\n"
            + kl(teacher="teacher(batch.inputs)", call=GOOD_KL)
        },
        "a second network shares all parameters of the first, so it is trained too: use "
        "`task.teacher`, or copy.deepcopy",
    ),
    (
        access_clauses.teacher_is_unchanged,
        {"unlearn": kl(teacher="model(batch.inputs).detach()", call=GOOD_KL)},
        "every divergence between teacher and model is 0: they are the same network",
    ),
    (
        access_clauses.kl_div_argument_order,
        {
            "needs": TEACHER,
            "unlearn": kl(call="F.kl_div({t}.log_softmax(1), {s}.softmax(1), reduction='sum')"),
        },
        "the arguments of kl_div are swapped, or the teacher is not detached: the gradient flows "
        "through the second; call kl_div(student.log_softmax(1), teacher.softmax(1))",
    ),
    (
        access_clauses.kl_div_argument_order,
        {"needs": TEACHER, "unlearn": kl(call="F.kl_div({t}, {s}, reduction='batchmean')")},
        "the first argument of kl_div must be log-probabilities: give it log_softmax(...), not ",
    ),
    (
        access_clauses.kl_div_argument_order,
        {
            "needs": TEACHER,
            "unlearn": kl(call="nn.KLDivLoss(reduction='sum')({s}.softmax(1), {t}.softmax(1))"),
        },
        "the first argument of kl_div must be log-probabilities: give it log_softmax(...), not ",
    ),
    (
        access_clauses.kl_div_argument_order,
        {"needs": TEACHER, "unlearn": kl(call="torch.kl_div({s}.log_softmax(1), {t}, 2)")},
        "the second argument of kl_div must be probabilities: give it softmax(...), or ",
    ),
    (
        access_clauses.kl_div_argument_order,
        {
            "needs": TEACHER,
            "unlearn": kl(
                call="F.kl_div(target={t}.softmax(1), input={s}.log_softmax(1), log_target=True, "
                "reduction='sum')"
            ),
        },
        "the second argument of kl_div must be probabilities: give it softmax(...), or ",
    ),
    (
        access_clauses.original_is_unchanged,
        {"unlearn": OTHERS + "for o in others:\n    o.classifier.bias.data += 1\n" + RETAIN},
        "the original is changed: change only the model that `unlearn` is given",
    ),
    (
        access_clauses.original_is_unchanged,
        {"unlearn": OTHERS + "for o in others:\n    o.body[1].running_mean += 1\n" + RETAIN},
        "the original is changed: change only the model that `unlearn` is given",
    ),
    (
        access_clauses.original_is_unchanged,
        {"unlearn": OTHERS + "for o in others:\n    o.train()\n" + RETAIN},
        "the original is left with gradients, frozen, or in training mode",
    ),
    (
        access_clauses.original_is_unchanged,
        {
            "unlearn": OTHERS + "start = model.classifier.bias\n"
            "originals = [o for o in others if torch.equal(o.classifier.bias, start)]\n"
            + RETAIN
            + "for o, name in zip(originals, ('running_mean', 'running_var', 'weight', 'bias')):\n"
            "    setattr(model.body[1], name, getattr(o.body[1], name))\n"
        },
        "the unlearned model shares storage with the original: copy with clone() or copy.deepcopy",
    ),
    (
        access_clauses.data_are_unchanged,
        {"unlearn": "task.retain._source.inputs.mul_(2)\n" + RETAIN},
        "the examples of 'forget' are changed in place: clone what you change",
    ),
    (
        access_clauses.global_state_is_unchanged,
        {"unlearn": "torch.rand(1)\n" + RETAIN},
        "it changes torch's global generator: draw through task.loader and task.generator alone",
    ),
    (
        access_clauses.global_state_is_unchanged,
        {"unlearn": "np.random.rand()\nrandom.random()\n" + RETAIN},
        "it changes numpy's global generator, Python's global generator: draw through ",
    ),
    (
        access_clauses.global_state_is_unchanged,
        {
            "unlearn": RETAIN
            + "torch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)"
        },
        "it changes torch's default dtype, whether torch records gradients: ",
    ),
    (
        access_clauses.global_state_is_unchanged,
        {
            "unlearn": "with torch.random.fork_rng():\n"
            "    model.classifier.bias.data += torch.rand(3)\n" + RETAIN
        },
        "it reads a global generator: draw through task.loader and task.generator alone",
    ),
    (
        access_clauses.same_seed_gives_same_weights,
        {"unlearn": "model.classifier.bias.data += next(COUNT)\n" + RETAIN},
        "the same seed gives other weights: draw through task.loader and task.generator alone",
    ),
    (
        access_clauses.prepare_leaves_model_unchanged,
        {"fields": prepare(before="model.classifier.bias.data += 1")},
        "prepare changes the model: work on copy.deepcopy(model), or in eval() mode",
    ),
    (
        access_clauses.prepare_leaves_model_unchanged,
        {
            "fields": prepare(
                before="model.train()(task.retain.take(torch.arange(8)).inputs)",
            )
        },
        "prepare changes the model: work on copy.deepcopy(model), or in eval() mode",
    ),
    (
        access_clauses.prepared_tensors_are_reusable,
        {"fields": prepare("{'shift': 1.0}"), "unlearn": USE},
        "Mine.prepare must return a dict of tensors",
    ),
    (
        access_clauses.prepared_tensors_are_reusable,
        {"fields": prepare("{'shift': torch.ones(3).bfloat16()}"), "unlearn": USE},
        "what prepare returns cannot be stored: Got unsupported ScalarType BFloat16",
    ),
    (
        access_clauses.prepared_tensors_are_reusable,
        {"fields": prepare(), "unlearn": "prepared['shift'].mul_(2)\n" + USE},
        "unlearn changes in place what prepare returned: clone what you change",
    ),
    (
        access_clauses.prepared_tensors_are_reusable,
        {
            "fields": prepare("{'shift': nn.Parameter(torch.ones(3), requires_grad=False)}"),
            "unlearn": "if type(prepared['shift']) is nn.Parameter:\n"
            "    model.classifier.bias.data += 1\n" + USE,
        },
        "with what prepare returned, stored and read again, unlearn gives other weights",
    ),
    (
        access_clauses.prepare_params_are_complete,
        {"fields": prepare("{'shift': torch.full((3,), self.momentum)}"), "unlearn": USE},
        "prepare reads momentum: name them in `prepare_params`, or read them in `unlearn`",
    ),
    (
        access_clauses.prepare_params_are_complete,
        {
            "fields": prepare(
                "{'shift': torch.full((3,), self.momentum if self.optimizer == 'adamw' else 1.0)}",
                params=("optimizer",),
            ),
            "unlearn": USE,
        },
        "prepare reads momentum: name them in `prepare_params`, or read them in `unlearn`",
    ),
    (
        access_clauses.prepare_params_are_complete,
        {"fields": "prepare_params: ClassVar = ('momentum',)"},
        "prepare_params: the method has no `prepare`; remove them",
    ),
    # --- what comes back, and from which requests
    (
        run_clauses.completes_on_toy_data,
        {"unlearn": "1 / 0\n" + RETAIN},
        "ZeroDivisionError: division by zero (line 31)",
    ),
    (
        run_clauses.completes_on_toy_data,
        {"unlearn": "raise Refused('no squares')"},
        "it refuses, but its card does not: no squares; add it to `refuses`",
    ),
    (
        run_clauses.completes_on_toy_data,
        {"unlearn": "model.classifier.bias.data += torch.nan"},
        "it diverges with quick settings: Mine(",
    ),
    (
        run_clauses.parameters_change,
        {"unlearn": "pass"},
        "no parameter changed: does the optimizer hold ",
    ),
    (
        run_clauses.parameters_change,
        {"unlearn": "model.train()\nfor batch in task.retain.batches(8):\n    model(batch.inputs)"},
        "no parameter changed: does the optimizer hold the model's parameters, and does the loss ",
    ),
    (
        run_clauses.parameters_change,
        {"needs": TEACHER, "unlearn": SCRUB.format(parameters="teacher.parameters()")},
        "no parameter changed: does the optimizer hold the model's parameters, and does the loss ",
    ),
    (
        run_clauses.architecture_is_unchanged,
        {"unlearn": RETAIN + "model.classifier = nn.Linear(64, 4)"},
        "modules or shapes differ from the original's: restore what you replace",
    ),
    (
        run_clauses.architecture_is_unchanged,
        {"unlearn": RETAIN + "model.body[2] = nn.GELU()"},
        "modules or shapes differ from the original's: restore what you replace",
    ),
    (
        run_clauses.device_and_dtype_are_unchanged,
        {"unlearn": RETAIN + "model.double()"},
        "in float32, the returned weights have another dtype or device",
    ),
    (
        run_clauses.device_and_dtype_are_unchanged,
        {"unlearn": RETAIN + "model.float()"},
        "in float64, the returned weights have another dtype or device",
    ),
    (
        run_clauses.device_and_dtype_are_unchanged,
        {"unlearn": DESCENT.format(loss=CE.replace(".inputs", ".inputs.float()"))},
        "in float64: RuntimeError: ",
    ),
    (
        run_clauses.device_and_dtype_are_unchanged,
        {
            "unlearn": RETAIN
            + "if task.precision == 'bfloat16':\n    model.to(torch.bfloat16)  # cast, no autocast"
        },
        "with bfloat16 autocast, the returned weights have another dtype or device",
    ),
    (
        run_clauses.no_hooks_or_frozen_parameters,
        {"unlearn": RETAIN + "model.classifier.register_forward_hook(lambda *_: None)"},
        "classifier is left with a hook: remove() its handle",
    ),
    (
        run_clauses.no_hooks_or_frozen_parameters,
        {"unlearn": RETAIN + "model.classifier.bias.register_hook(lambda g: g)"},
        "classifier.bias: left with a hook: remove() its handle",
    ),
    (
        run_clauses.no_hooks_or_frozen_parameters,
        {"unlearn": "model.body.requires_grad_(False)\n" + RETAIN},
        "requires_grad is still off: body.0.weight, body.0.bias, ",
    ),
    (
        run_clauses.method_is_frozen_and_picklable,
        {"decorator": ""},
        "its settings are mutable: use @dataclass(frozen=True, kw_only=True)",
    ),
    (
        run_clauses.method_is_frozen_and_picklable,
        {"fields": "def __post_init__(self):\n    object.__setattr__(self, 'f', lambda: 0)"},
        "it cannot be pickled: ",
    ),
    (
        run_clauses.method_is_frozen_and_picklable,
        {"fields": "token: object = field(default_factory=object)"},
        "after pickling it is different: keep all state in its fields",
    ),
    (
        run_clauses.accepts_partial_last_batch,
        {"unlearn": DESCENT.format(loss=CE.replace(".inputs", ".inputs.view(8, 1, 4, 4)"))},
        "with 17 forget and 33 retain examples: RuntimeError: shape '[8, 1, 4, 4]' is invalid ",
    ),
    (
        run_clauses.accepts_single_forget_example,
        {
            "needs": ("forget", "retain"),
            "unlearn": "if len(task.forget) < 2:\n    raise Diverged('no spread')\n" + RETAIN,
        },
        "with one forget example: it diverges: no spread",
    ),
    (
        run_clauses.accepts_dict_inputs,
        {"unlearn": DESCENT.format(loss="0 * batch.inputs.mean() + " + CE)},
        "with dict inputs: AttributeError: 'dict' object has no attribute 'mean' (line 35)",
    ),
    (
        run_clauses.reports_divergence_on_nan,
        {"unlearn": DESCENT.format(loss=CE.replace(".inputs", ".inputs.nan_to_num()"))},
        "NaN inputs are not reported: raise errors.Diverged, or leave it to `descend`",
    ),
    (
        run_clauses.reports_divergence_on_nan,
        {
            "unlearn": "if task.retain.take(torch.arange(1)).inputs.isnan().any():\n"
            "    raise ValueError('nan')\n" + RETAIN
        },
        "ValueError: nan (line 32); raise errors.Diverged, or leave it to `descend`",
    ),
]


OTHER_OUTPUTS = "an original with the same weights and buffers gives other outputs: change nothing "
BROKEN += [
    (run_clauses.state_dict_is_complete, {"unlearn": how + "\n" + RETAIN}, OTHER_OUTPUTS)
    for how in (
        "model.body[1].eps = 5.0",
        "usual = model.forward\nmodel.forward = lambda x: 0 * usual(x) + usual(x) * 2",
    )
]


@pytest.mark.parametrize(
    ("clause", "method", "message"),
    BROKEN,
    ids=[f"{number} {clause.__name__}" for number, (clause, *_) in enumerate(BROKEN)],
)
def test_a_broken_method_is_caught_by_its_clause(clause, method, message):
    with pytest.raises(ContractError) as caught:
        clause(mine(**method))
    assert str(caught.value).startswith(message)


def test_every_clause_catches_something():
    caught = {clause for clause, *_ in BROKEN}
    modules = {clause.__module__ for clause in caught}
    assert caught == {clause for clause in CLAUSES if clause.__module__ in modules}


def test_every_clause_stands_in_the_documentation():
    page = (Path(__file__).parent.parent / "docs" / "new-method.md").read_text()
    section = page.partition("## The contract")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([a-z_]+)` \| .* \|$", section, re.MULTILINE)
    assert sorted(listed) == sorted(clause.__name__ for clause in CLAUSES)


DISTILLED = {"cost": {"forward": "3 * epochs * n_r", "backward": "2 * epochs * n_r"}}
SOUND = {
    "as it is": {},
    "with a teacher": {"needs": TEACHER, "unlearn": kl(call=GOOD_KL), "changes": DISTILLED},
    "with log_target": {
        "needs": TEACHER,
        "changes": DISTILLED,
        "unlearn": kl(
            call="F.kl_div({s}.log_softmax(1), {t}.log_softmax(1), None, None, 'batchmean', True)"
        ),
    },
    "with prepare": {
        "fields": prepare("{'shift': torch.full((3,), self.momentum)}", params=("momentum",)),
        "unlearn": USE,
        "changes": {"identity": None},
    },
    "class-wise": {
        "needs": ("forget", "forget_labels", "retain"),
        "unlearn": "if len(task.forget.labels.unique()) != 1:\n"
        "    raise Refused('one class at a time')\n"
        "if (task.retain.labels == task.forget.labels[0]).any():\n"
        "    raise Refused('the whole class')\n" + RETAIN,
        "changes": {"refuses": {"random": "class-wise only"}},
    },
    "for texts": {
        "unlearn": "if not isinstance(model.body, nn.Embedding):\n"
        "    raise Refused('texts only')\n" + RETAIN,
        "changes": {"refuses": {"image": "reads tokens"}, "stochastic": True},
    },
    "with an address": {
        "doc": "https://example.org/x. As in the paper.",
        "changes": {"paper": "Somebody, https://example.org/x."},
    },
}


@pytest.mark.parametrize("name", list(SOUND))
def test_a_sound_method_keeps_every_clause(name):
    mine(**SOUND[name])
    results = list(check("mine"))
    assert [r for r in results if r.status == "failed"] == []
    assert len(results) == len({r.clause for r in results}) == len(CLAUSES)


PARTS = ("forget", "forget_labels", "retain", "validation", "initial_weights")


def parts_of(task):
    """Everything that can be withheld, as tensors by part."""
    batches = {name: split.take(torch.arange(len(split))) for name, split in task.splits.items()}
    inputs = {
        name: b.inputs["input_ids"] if isinstance(b.inputs, dict) else b.inputs
        for name, b in batches.items()
    }
    return {
        "forget": inputs["forget"],
        "forget_labels": batches["forget"].labels,
        "retain": inputs["retain"],
        "retain_labels": batches["retain"].labels,
        "validation": inputs["validation"],
        "initial_weights": torch.cat([p.flatten() for p in task.new_model().parameters()]),
    }


@pytest.mark.parametrize("altered", PARTS)
@pytest.mark.parametrize("modality", ["image", "text"])
@pytest.mark.parametrize("is_classwise", [False, True])
def test_an_altered_request_differs_in_the_part_that_is_named_alone(
    altered, modality, is_classwise
):
    request = Request(modality=modality, is_classwise=is_classwise)
    usual, other = parts_of(request.task()), parts_of(request.task(altered=altered))
    differing = {part for part in usual if not torch.equal(usual[part], other[part])}
    beside = {"forget": {"forget_labels"}, "retain": {"retain_labels"}}
    assert differing == {altered} | beside.get(altered, set())
    assert all((usual[part] != other[part]).any() for part in differing)


def test_the_original_knows_what_it_is_asked_to_forget():
    for modality in ("image", "text"):
        request = Request(modality=modality)
        batch = request.task().forget.take(torch.arange(16))
        logits = request.original()(batch.inputs)
        assert (logits.argmax(1) == batch.labels).double().mean() >= 0.8


def test_a_class_wise_request_forgets_one_class_and_keeps_none_of_it():
    task = Request(is_classwise=True).task()
    assert set(task.forget.labels.tolist()) == {0}
    assert set(task.retain.labels.tolist()) == {1, 2}
    assert (len(task.forget), len(task.retain)) == (16, 32)


def test_what_a_method_does_to_global_state_ends_with_its_run():
    before = global_state.state()
    mine(unlearn="torch.rand(1)\nnp.random.rand()\nrandom.random()\n" + RETAIN).run()
    mine(unlearn=RETAIN + "torch.set_default_dtype(torch.float64)").run()
    mine(unlearn=RETAIN + "torch.set_grad_enabled(False)").run()
    assert global_state.state() == before


def statuses(**method):
    mine(**method)
    return {result.clause: result for result in check("mine")}


@pytest.mark.parametrize(
    ("unlearn", "told"),
    [
        ("while True:\n    pass", "TimedOut: ran past its limit of 2 s (line 31)"),
        ("raise SystemExit(3)", "SystemExit: 3 (line 31)"),
    ],
)
def test_a_method_that_does_not_end_or_ends_everything_is_told_so_once(unlearn, told, monkeypatch):
    Request().original()  # trained once, outside of the limit
    monkeypatch.setattr(check_module, "CLAUSE_SECONDS", 2.0)
    found = statuses(unlearn=unlearn)
    broken = {name: r.message for name, r in found.items() if r.status == "failed"}
    assert broken == {"completes_on_toy_data": told}


def test_a_method_that_draws_elsewhere_is_told_that_and_nothing_untrue():
    found = statuses(unlearn="model.classifier.bias.data += 0.01 * next(COUNT)\n" + RETAIN)
    broken = {name for name, r in found.items() if r.status == "failed"}
    assert "same_seed_gives_same_weights" in broken
    for clause in ("reads_only_declared_needs", "global_state_is_unchanged"):
        assert found[clause].status == "skipped"
        assert found[clause].message == "two runs with the same seed differ already"


def test_a_method_that_diverges_is_told_so_once():
    found = statuses(unlearn=DESCENT.format(loss="1e38 * " + CE))
    broken = [name for name, r in found.items() if r.status == "failed"]
    assert broken[0] == "completes_on_toy_data"
    assert len(broken) == 1, broken
