"""Methods whose runs leave or lack something are caught."""

import pytest

from mubench.errors import ContractError
from mubench.methods.contract import run_clauses
from tests.support.contract_files import CE, CLAUSES, DESCENT, RETAIN, SCRUB, TEACHER, mine

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


OTHER_OUTPUTS = "an original with the same weights and buffers gives other outputs: change nothing "

BROKEN = [
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
        run_clauses.accepts_table_inputs,
        {
            "unlearn": "if getattr(task.retain.take(torch.arange(1)).inputs, 'ndim', 0) == 2:\n"
            "    raise ValueError('no image')\n" + RETAIN
        },
        "with rows of a table: ValueError: no image (line 32)",
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
