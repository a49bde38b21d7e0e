"""Names of runs: short enough for a table's first column, and no two read alike. Pure."""

from mubench.report.format import row_title
from mubench.sweep.grid import DatasetSpec, ModelSpec
from mubench.sweep.plan import Plan, Request, Step


class Names:
    """Names for the runs of one sweep. A data set or model that all of it shares is left out."""

    def __init__(self, plan: Plan) -> None:
        steps = plan.steps.values()
        self._tells_dataset = len({step.dataset.label for step in steps}) > 1
        self._tells_model = len({step.model.label for step in steps}) > 1

    def cell(self, request: Request) -> str:
        """`random-0.1`, or `cifar10/random-0.1` in a sweep of several data sets."""
        return "/".join([*self._where(request.dataset, request.model), request.forget.label])

    def row(self, label: str, request: Request) -> str:
        """`UGradSL (α = −0.2) · random-0.1`."""
        return f"{row_title(label)} · {self.cell(request)}"

    def step(self, step: Step, candidate: int) -> str:
        """`UGradSL tuned · random-0.1 · forget=0 train=0`."""
        what = {
            "train": "Training",
            "retrain": f"Retrain replica {step.replica}" if step.replica else "Retrain",
            "search": f"{row_title(step.row)} candidate {candidate}",
            "final": f"{row_title(step.row)} {step.selection}".strip(),
        }[step.kind]
        seed = f"train={step.seed_train}"
        if step.request is None:
            where = "/".join(self._where(step.dataset, step.model))
            return " · ".join(filter(None, [what, where, seed]))
        return " · ".join([what, self.cell(step.request), f"{step.request.target} {seed}"])

    def _where(self, dataset: DatasetSpec, model: ModelSpec) -> list[str]:
        labels = [dataset.label] if self._tells_dataset else []
        return [*labels, model.label] if self._tells_model else labels
