"""The degenerate form of the released influence unlearning."""

import torch

from mubench.methods.iu import IU
from mubench.methods.iu_ref import IURef
from mubench.methods.shared import gradients as influence
from mubench.methods.shared import solvers
from tests.support.toy import blobs, mlp, task_of


def test_iu_ref_steps_along_v_and_says_so():
    task, original = task_of(blobs(60), 10), mlp()
    prepared = IURef().run_prepare(original, task).value
    assert IURef().run(original, task).notes["update_cosine"] > 0.99
    n = 10, 50
    sums = (influence.gradient_sum(original, s) for s in (task.forget, task.retain))
    v = influence.removal_vector(*sums, *n)
    assert torch.allclose(prepared["update"], v, rtol=0, atol=0.05 * v.norm().item())
    assert IU(damping=1e-3).run(original, task).notes["update_cosine"] < 0.9


def test_iu_ref_adds_the_gradient_of_the_first_retain_example():
    task, original = task_of(blobs(60, dtype=torch.float64), 10), mlp().double()
    found = IURef().run_prepare(original, task).value
    first = influence.gradient_sum(original, task.retain.subset(torch.arange(1)))
    assert abs(solvers.cosine(found["update"] - found["v"], first)) > 1 - 1e-12
