"""A report whose names attack it."""

from dataclasses import replace

from mubench.store.examples import BINS, CellExamples, Confidences, DivergentExample, Examples
from mubench.store.results import SweepResults
from tests.support.report_world import finals, retrains, searches

HOSTILE = (
    "</script ><script>alert(1)</script><img src=x onerror=alert(2)>\"'&|{{7*7}}${alert(3)}=1+1"
)


def hostile_world():
    cell, row = f"cell{HOSTILE}", f"row{HOSTILE}[alpha=-0.5]"
    made = [*retrains(cell, 2), *finals(cell, row, 0.1, "tuned", 2), *searches(cell, row, 0.1)]
    made = [
        replace(
            one,
            flags=(HOSTILE,),
            commit=HOSTILE,
            device=HOSTILE,
            message=HOSTILE,
            params={HOSTILE: HOSTILE},
            given={HOSTILE: HOSTILE},
            versions={HOSTILE: HOSTILE},
            id=f"{HOSTILE} {k}".replace(" ", ""),
        )
        for k, one in enumerate(made)
    ]
    odd = DivergentExample(
        row=row, example=1, label=HOSTILE, retrained=HOSTILE, unlearned=HOSTILE, divergence=0.1
    )
    shown = CellExamples(
        request=HOSTILE,
        confidences=(Confidences(row=row, forget=(1,) * BINS, holdout=(1,) * BINS),),
        oddities=(odd,),
        media={1: HOSTILE},
    )
    source = SweepResults(HOSTILE, HOSTILE, tuple(made), (cell,), (row,), {}, HOSTILE)
    return replace(source, examples=Examples(cells={cell: shown}))
