"""One trial of a search: UGradSL on a random tenth, evaluated and scored."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from torch import nn

from mubench.catalogue.registry import make_method
from mubench.methods.base import ForgetTask
from mubench.metrics.objective import components, search_values
from mubench.metrics.outputs import Evaluated
from mubench.models.training.descent import Precision
from mubench.models.training.fit import fit
from mubench.run.references import evaluate
from on_gpu.world import Row, World


def rows(world: World) -> Iterator[Row]:
    original = world.model()
    fit(original, world.images.train, world.recipe(epochs=3), seed=0)
    forget, retain = world.request()
    task = ForgetTask(
        splits={"forget": forget, "retain": retain, "validation": forget},
        num_classes=world.images.classes,
        seed=0,
        new_model=world.model,
    )
    splits = {"forget": forget, "retain": retain, "validation": world.images.test or forget}

    def evaluated(model: nn.Module) -> Evaluated:
        return Evaluated(*evaluate(model.eval(), splits).values())

    target = components(evaluated(original))
    changes = {"batch_size": 64, "epochs": 1} if world.is_smoke else {}
    method = make_method("ugradsl", changes)

    def unlearn(precision: Precision) -> nn.Module:
        return method.run(original, replace(task, precision=precision)).model

    def trial(precision: Precision) -> None:
        search_values("robust_gap", evaluated(unlearn(precision)), None, target)

    for precision in ("float32", "bfloat16"):
        alone, whole = world.times([partial(unlearn, precision), partial(trial, precision)])
        yield Row(f"UGradSL on {len(forget)} of {len(world.images.train)}, {precision}", alone, "s")
        yield Row(f"UGradSL, {precision}: with evaluation and attack", whole, "s")
