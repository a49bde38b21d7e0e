"""A training that was cut and continued is the training that was not, bit for bit."""

import math
import shutil

import pytest
import torch

from mubench.errors import Diverged, Interrupted
from mubench.models.training.checkpoint import DescentCheckpoints
from mubench.models.training.descent import Descent, Hooks, descend
from mubench.models.training.loader import Loader
from tests.support.cut_training import (
    CASES,
    STEPS,
    Continuing,
    Keeper,
    continued_elsewhere,
    keep_all,
    trained,
)
from tests.support.descents import SPLIT, cross_entropy
from tests.support.toy import conv, same, weights

QUICK = tuple(case for case in CASES if case != "compiled")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("states")


@pytest.fixture(scope="module")
def kept(folder):
    return {case: keep_all(folder, case) for case in QUICK}


@pytest.fixture(scope="module")
def continued(folder, kept):
    """From every state in one other process: other initial weights, another state of torch."""
    return continued_elsewhere(folder, *kept)


@pytest.mark.parametrize("case", QUICK)
def test_a_training_that_keeps_its_state_gives_the_same_weights(kept, case):
    assert same(kept[case], trained(case))


@pytest.mark.parametrize("step", range(1, STEPS + 1))
@pytest.mark.parametrize("case", QUICK)
def test_cut_and_continued_in_another_process_equals_uncut(kept, continued, case, step):
    assert same(continued[case, step], kept[case])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_training_goes_on_in_another_process(tmp_path):
    uncut = keep_all(tmp_path, "compiled")
    assert same(continued_elsewhere(tmp_path, "compiled", steps=[4])["compiled", 4], uncut)


@pytest.mark.gpu
@pytest.mark.parametrize("case", QUICK)
def test_cut_and_continued_equals_uncut_on_a_gpu(case, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    uncut = trained(case, device="cuda")
    for step, state in states_of(case, device="cuda").items():
        assert same(trained(case, Continuing(state), seed=step, device="cuda"), uncut)


def states_of(case, **where):
    states = {}
    trained(case, Keeper(lambda step, arrays: states.update({step: copied(arrays)})), **where)
    return states


def copied(arrays):
    return {name: array.copy() for name, array in arrays.items()}


@pytest.mark.parametrize("case", ["sgd", "adamw"])
def test_every_part_of_a_state_matters(case):
    """With any one of them taken from another step, the training ends elsewhere."""
    states, uncut = states_of(case), trained(case)
    only_in_trouble = {"safe", "position/loss"}
    for name in states[4]:
        if name.partition("/")[0] in only_in_trouble or name in only_in_trouble:
            continue
        other = {**states[4], name: states[8][name]}
        changed = not (states[4][name] == states[8][name]).all()
        assert changed, f"{name} is the same at both steps: the test says nothing"
        assert not same(trained(case, Continuing(other)), uncut), name


class Cut:
    """Ends a descent after some steps, and lets another one go on."""

    def __init__(self, after=math.inf, state=None):
        self.after, self.state, self.steps = after, state, 0

    def load(self):
        return self.state

    def is_due(self):
        self.steps += 1
        return self.steps == self.after

    def save(self, state):
        layout = torch.contiguous_format  # as a file has them
        self.state = {name: value.clone(memory_format=layout) for name, value in state.items()}
        raise Interrupted("asked to stop")


def descent(model, cut, *, broken_at=math.inf, epochs=5):
    """Epochs of three steps; in one step of all the loss is not finite."""
    loader, steps = Loader(SPLIT, 8, seed=0, name="train"), []
    done = 0 if cut.state is None else int(cut.state["position/step"])

    def loss(batch):
        steps.append(1)
        value = cross_entropy(model)(batch)
        return value * math.nan if done + len(steps) == broken_at else value

    checkpoints = DescentCheckpoints(cut, loader)
    settings = Descent(learning_rate=0.1, epochs=epochs)
    descend(
        model,
        settings,
        lambda _: loader.epoch(),
        loss,
        steps_per_epoch=len(loader),
        checkpoints=checkpoints,
    )


@pytest.mark.parametrize("step", [4, 5, 6, 7])
def test_a_continued_descent_that_diverges_goes_back_to_where_the_uncut_one_does(step):
    """Step 8 of three an epoch breaks: the weights are those at the end of the second epoch."""
    cut = Cut(after=step)
    with pytest.raises(Interrupted, match="asked to stop"):
        descent(conv(), cut)
    model, uncut = conv(seed=1), conv()
    with pytest.raises(Diverged, match="in epoch 3 of 5"):
        descent(model, Cut(state=cut.state), broken_at=8)
    descent(uncut, Cut(), epochs=2)
    assert same(weights(model), weights(uncut))


def test_a_loss_that_no_step_looked_at_is_remembered():
    """On a GPU only every fiftieth is looked at, and the last one at the end of its epoch."""
    cut = Cut(after=3)
    with pytest.raises(Interrupted):
        descent(conv(), cut)
    state = {**cut.state, "position/loss": torch.tensor(math.inf)}
    with pytest.raises(Diverged, match="in epoch 1 of 5"):
        descent(conv(), Cut(state=state))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_optimizers_state_has_the_layout_of_its_parameters(optimizer):
    """With another layout the optimizer takes slower kernels, which may round otherwise."""
    cut = Cut(after=1)
    with pytest.raises(Interrupted):
        wide_descent(cut, optimizer)
    found = wide_descent(Cut(state=cut.state), optimizer)
    slots = [(p, v) for p, slot in found.state.items() for v in slot.values() if v.dim() == 4]
    assert len(slots) == (1 if optimizer == "sgd" else 2)
    for parameter, value in slots:
        assert parameter.is_contiguous(memory_format=torch.channels_last)
        assert value.stride() == parameter.stride()


def wide_descent(cut, optimizer):
    """Two steps of a convolution whose weights lie channels last."""
    model = torch.nn.Conv2d(2, 3, 2).to(memory_format=torch.channels_last)
    loader = Loader(SPLIT, 11, seed=0, name="train")
    return descend(
        model,
        Descent(learning_rate=0.1, epochs=1, optimizer=optimizer),
        lambda _: loader.epoch(),
        lambda batch: model(batch.inputs.expand(-1, 2, -1, -1)).square().mean(),
        steps_per_epoch=len(loader),
        checkpoints=DescentCheckpoints(cut, loader),
    )


def test_hooks_and_checkpoints_exclude_each_other():
    loader = Loader(SPLIT, 8, seed=0, name="train")
    with pytest.raises(AssertionError, match="what hooks change is in no checkpoint"):
        descend(
            conv(),
            Descent(learning_rate=0.1, epochs=1),
            lambda _: loader.epoch(),
            lambda batch: None,
            steps_per_epoch=3,
            hooks=Hooks(),
            checkpoints=DescentCheckpoints(Cut(), loader),
        )
