"""Names of runs: unique, and short enough for the first column of a table. Pure."""

from mubench.report.format import method_title, row_title
from mubench.store.record import RETRAIN
from mubench.sweep.grid import DatasetSpec, ModelSpec
from mubench.sweep.plan import Plan, Request, Step


class RunNames:
    """Names of the runs of one sweep; a data set or model that all steps share is left out."""

    def __init__(self, plan: Plan) -> None:
        steps = plan.steps.values()
        self._tells_dataset = len({step.dataset.label for step in steps}) > 1
        self._tells_model = len({step.model.label for step in steps}) > 1

    def cell(self, request: Request) -> str:
        """`random-0.1`, or `cifar10/random-0.1` in a sweep of several data sets."""
        return "/".join([*self._where(request.dataset, request.model), request.forget.label])

    def row(self, step: Step, request: Request) -> str:
        """`UGradSL (α = −0.2) · random-0.1`: the run above the steps of a row."""
        return f"{_title(step)} · {self.cell(request)}"

    def step(self, step: Step, candidate: int) -> str:
        """`UGradSL tuned · random-0.1 · forget=0 train=0`."""
        what = {
            "train": "Training",
            "retrain": f"Retrain replica {step.replica}" if step.replica else "Retrain",
            "search": f"{_title(step)} candidate {candidate}",
            "final": f"{_title(step)} {step.selection}".strip(),
        }[step.kind]
        seed = f"train={step.seed_train}"
        if step.request is None:
            where = "/".join(self._where(step.dataset, step.model))
            return " · ".join(filter(None, [what, where, seed]))
        return " · ".join([what, self.cell(step.request), f"{step.request.target} {seed}"])

    def _where(self, dataset: DatasetSpec, model: ModelSpec) -> list[str]:
        labels = [dataset.label] if self._tells_dataset else []
        return [*labels, model.label] if self._tells_model else labels


def _title(step: Step) -> str:
    return row_title(step.row, step.method, step.given) if step.row else method_title(RETRAIN)
