"""Every method on every kind of model: it runs and changes something, or its card refuses."""

from functools import cache

import pytest
import torch
from torch.func import functional_call
from toy import CLASSES, split_of

from mubench.catalogue import cards, registry
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.contract.case import QUICK
from mubench.methods.contract.toy_world import noisy
from mubench.methods.shared.gradients import example_gradients, flatten, gauss_newton_product
from mubench.models.build import build
from mubench.models.training.cost_meter import Meter, flops_per_example

KINDS = {
    "vgg_small": {},
    "vit_mini": {},
    "bert_tiny": {},
    "resnet50": {"widths": [8, 16], "blocks": [1, 1], "stem_stride": 2},
}
"""Models, and what makes a large one small."""
N = 18


def card_of(kind):
    card = cards.model(kind).card
    return {**card, "arguments": {**card["arguments"], **KINDS[kind]}}


def new_model(kind, seed=0):
    shape = (128,) if cards.model(kind).modality == "text" else (3, 16, 16)
    return build(card_of(kind), CLASSES, shape, seed)


@cache
def examples(kind):
    generator, labels = torch.Generator().manual_seed(0), torch.arange(N) % CLASSES
    if cards.model(kind).modality == "image":
        bright = labels.view(-1, 1, 1, 1) / CLASSES
        return split_of(torch.rand(N, 3, 16, 16, generator=generator) + bright, labels, noisy)
    ids = torch.randint(5, 8000, (N, 12), generator=generator)
    ids[:, 1] = labels + 10
    mask = torch.ones(N, 12, dtype=torch.int64)
    mask[::2, 9:] = 0
    return split_of({"input_ids": ids, "attention_mask": mask}, labels)


def task_of(kind, scenario):
    full, rows = examples(kind), torch.arange(N)
    is_forgotten = examples(kind).labels == 0 if scenario == "class" else rows < 6
    retain = full.subset(rows[~is_forgotten])
    return ForgetTask(
        splits={
            "forget": full.subset(rows[is_forgotten]),
            "retain": retain,
            "validation": retain.subset(torch.arange(6)),
        },
        num_classes=CLASSES,
        seed=0,
        new_model=lambda: new_model(kind),
    )


@pytest.mark.parametrize("name", cards.names("methods"))
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_method_changes_the_model_or_its_card_refuses_the_kind(kind, name):
    card, model = cards.method(name), cards.model(kind)
    reasons = {s: card.refusal(s, model.modality, model.family) for s in ("random", "class")}
    scenario = next((scenario for scenario, reason in reasons.items() if reason is None), None)
    if scenario is None:
        assert card.refuses.keys() & {"text", "transformer"}, reasons
        return
    method = registry.load_method(name)
    quick = QUICK if issubclass(method, DescentMethod) else {}
    original = new_model(kind, seed=1).eval()
    found = method(**{**quick, **card.quick}).run(original, task_of(kind, scenario))
    assert (found.status, found.message) == ("ok", "")
    pairs = zip(found.model.parameters(), original.parameters(), strict=True)
    assert any(not torch.equal(ours, theirs) for ours, theirs in pairs)
    assert all(value.isfinite().all() for value in found.model.state_dict().values())


@pytest.mark.parametrize("kind", list(KINDS))
def test_gradients_of_single_examples_are_those_of_batches_of_one(kind):
    model, split = new_model(kind).eval(), examples(kind).subset(torch.arange(4))
    expected = []
    for batch in split.batches(1):
        loss = torch.nn.functional.cross_entropy(model(batch.inputs), batch.labels)
        expected.append(flatten(torch.autograd.grad(loss, [*model.parameters()])))
    found = torch.cat([*example_gradients(model, split, Meter())])
    torch.testing.assert_close(found, torch.stack(expected), atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("kind", list(KINDS))
def test_curvature_products_are_those_of_finite_differences(kind):
    """J u from logits at theta + h u in float64, then J^T S J u by a backward pass."""
    model, split = new_model(kind).double().eval(), examples(kind).subset(torch.arange(4))
    batch = split.take(torch.arange(4))
    inputs = batch.inputs if isinstance(batch.inputs, dict) else batch.inputs.double()
    split = split_of(inputs, batch.labels)
    values = dict(model.named_parameters())
    generator = torch.Generator().manual_seed(2)
    for p in values.values():  # away from the kinks, where a ReLU sees an exact 0
        p.data += 0.01 * torch.randn(p.shape, generator=generator)
    u = {
        name: torch.randn(p.shape, generator=generator, dtype=p.dtype) for name, p in values.items()
    }
    ends = []
    for h in (1e-8, -1e-8):
        moved = {name: (p + h * u[name]).detach() for name, p in values.items()}
        ends.append(functional_call(model, moved, (inputs,)).detach())
    tangent, logits = (ends[0] - ends[1]) / 2e-8, model(inputs)
    q = logits.detach().softmax(1)
    cotangent = q * (tangent - (q * tangent).sum(1, keepdim=True)) / 4
    expected = flatten(torch.autograd.grad(logits, [*values.values()], cotangent))
    found = gauss_newton_product(model, split, flatten([*u.values()]), Meter())
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)


def test_attention_counts_among_the_flops():
    model, (n, d) = new_model("vit_mini"), (17, 64)
    layer = n * (2 * d * 3 * d + 2 * d * d + 2 * 2 * d * 4 * d) + 2 * 2 * n * n * d
    embedding, classifier = 2 * 16 * (3 * 16) * d, 2 * d * CLASSES
    forward, backward = flops_per_example(model, torch.zeros(1, 3, 16, 16))
    assert forward == 3 * layer + embedding + classifier
    assert backward == 2 * forward - embedding  # no gradient in the images
