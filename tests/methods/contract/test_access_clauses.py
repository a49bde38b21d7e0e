"""Methods that read or change what they may not are caught."""

import pytest

from mubench.errors import ContractError
from mubench.methods.contract import access_clauses
from tests.support.contract_files import (
    CLAUSES,
    GOOD_KL,
    RETAIN,
    SCRUB,
    TEACHER,
    USE,
    kl,
    mine,
    prepare,
)

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


OTHERS = """
same_kind = [o for o in gc.get_objects() if type(o) is type(model) and o is not model]
others = [o for o in same_kind if str(o) == str(model)]  # nets of other tests may still be there
"""

BROKEN = [
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
