"""Names of runs: unique, and short enough for the first column of a table. Pure."""

from mubench.report.analysis.format import method_title, row_title
from mubench.sweep.kinds import ORIGINAL, RETRAIN
from mubench.sweep.plan import Plan
from mubench.sweep.request import Request, Training
from mubench.sweep.steps import FinalStep, RequestStep, RetrainStep, SearchStep, Step, TrainStep


class RunNames:
    """Names of the runs of one sweep; a data set or model that all steps share is left out."""

    def __init__(self, plan: Plan) -> None:
        trainings = [step.training for step in plan.steps.values()]
        self._tells_dataset = len({training.dataset.label for training in trainings}) > 1
        self._tells_model = len({training.model.label for training in trainings}) > 1

    def cell(self, request: Request) -> str:
        """`random-0.1`, or `cifar10/random-0.1` in a sweep of several data sets."""
        return "/".join([*self._where(request.training), request.forget.label])

    def row(self, step: RequestStep) -> str:
        """`UGradSL (α = −0.2) · random-0.1`: the run above the steps of a row."""
        return f"{_title(step)} · {self.cell(step.request)}"

    def step(self, step: Step, candidate: int) -> str:
        """`UGradSL tuned · random-0.1 · forget=0 train=0`."""
        seed = f"train={step.training.seed}"
        if isinstance(step, TrainStep):
            where = "/".join(self._where(step.training))
            return " · ".join(filter(None, ["Training", where, seed]))
        request = step.request
        return " · ".join([_what(step, candidate), self.cell(request), f"{request.target} {seed}"])

    def _where(self, training: Training) -> list[str]:
        labels = [training.dataset.label] if self._tells_dataset else []
        return [*labels, training.model.label] if self._tells_model else labels


def cell_names(plan: Plan) -> dict[str, str]:
    """Return a short name for each cell."""
    names = RunNames(plan)
    steps = [step for step in plan.steps.values() if not isinstance(step, TrainStep)]
    return {step.request.cell: names.cell(step.request) for step in steps}


def _what(step: RequestStep, candidate: int) -> str:
    match step:
        case RetrainStep():
            return f"Retrain replica {step.replica}" if step.replica else "Retrain"
        case SearchStep():
            return f"{_title(step)} candidate {candidate}"
        case FinalStep():
            return f"{_title(step)} {step.selection or ''}".strip()


def _title(step: RequestStep) -> str:
    if isinstance(step, RetrainStep) or step.row is None:
        return method_title(RETRAIN if isinstance(step, RetrainStep) else ORIGINAL)
    return row_title(step.row.label, step.row.method, step.row.given)
