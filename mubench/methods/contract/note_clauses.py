"""Clauses that no method breaks: what people who read its numbers should know."""

import torch

from mubench.methods.contract.case import Case, Note
from mubench.methods.contract.norm_watch import are_all_of, watching_norms
from mubench.methods.contract.toy_world import same


def norm_statistics_see_more_than_forget(case: Case) -> str | None:
    """A note, no breach, where BatchNorm's running statistics moved on D_f alone."""
    before = dict(case.request.original().named_buffers())
    if not before:
        return "the toy net for texts has no BatchNorm"
    if same(before, dict(case.completed.model.named_buffers())):
        return None
    with watching_norms() as batches:
        case.run()
    splits = case.request.task().splits
    if not batches or not are_all_of(torch.cat(batches), splits["forget"], splits["retain"]):
        return None
    return Note(
        "BatchNorm's running statistics moved on D_f alone, and all data are normalised by them: "
        "keep BatchNorm in eval() mode (`bn_mode: eval_frozen`), or say so in the docstring"
    )
