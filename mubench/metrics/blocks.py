"""Evidence, by block: what each metric means, and which models it looks at.

A sweep asks for blocks by name. Each file of `metrics/evidence` has one function of its own name,
which computes all of its metrics at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mubench.metrics.metric_info import Aim, MetricInfo, Unit
from mubench.metrics.related_models import Relation


@dataclass(frozen=True)
class Evidence:
    """The metrics of one file."""

    name: str
    """Of the file and of its function."""
    uses: tuple[Relation, ...]
    """The models whose outputs decide the values."""
    infos: tuple[MetricInfo, ...]


def _info(
    name: str, title: str, description: str, *, aim: Aim = "match", unit: Unit = "fraction"
) -> MetricInfo:
    return MetricInfo(name, title, unit, aim, description)


_ATTACKS = (
    Evidence(
        "u_lira",
        ("target", "replicates", "retrains"),
        (
            _info(
                "u_lira_auc",
                "U-LiRA AUC",
                "AUC of U-LiRA, which tells for each example of D_f by its own two Gaussians "
                "whether a model forgot it or never saw it; 0.5 is chance. Needs 8 train seeds and "
                "8 Retrains of one forget set.",
            ),
            _info(
                "u_lira_tpr_at_1",
                "U-LiRA TPR at 1 %",
                "Share of D_f that U-LiRA finds at 1 % false positives; needs 1,000 non-members "
                "(|D_f| times Retrains).",
            ),
            _info(
                "u_lira_tpr_at_01",
                "U-LiRA TPR at 0.1 %",
                "The same at 0.1 %; needs 10,000 non-members.",
            ),
            _info(
                "u_lira_shadows",
                "U-LiRA models",
                "Models behind each Gaussian of U-LiRA, on the side that has fewer.",
                aim="none",
                unit="ratio",
            ),
        ),
    ),
    Evidence(
        "ruli",
        ("target", "replicates", "retrains"),
        (
            _info(
                "ruli_efficacy_auc",
                "RULI efficacy AUC",
                "AUC of telling the model from Retrain on each example of D_f, with kernel "
                "densities of the confidence; 0.5 is chance. Needs as many models as U-LiRA.",
            ),
            _info(
                "ruli_efficacy_tpr_at_1",
                "RULI efficacy TPR at 1 %",
                "Share of D_f that it finds at 1 % false positives; needs 1,000 non-members.",
            ),
            _info(
                "ruli_privacy_auc",
                "RULI privacy AUC",
                "AUC of telling D_f from held-out examples like it, each on the scale of the "
                "Retrains' answers; 0.5 is chance.",
            ),
            _info(
                "ruli_privacy_tpr_at_1",
                "RULI privacy TPR at 1 %",
                "Share of D_f that it finds at 1 % false positives; needs 1,000 held-out examples.",
            ),
        ),
    ),
    Evidence(
        "two_snapshots",
        ("target", "before"),
        (
            _info(
                "two_snapshot_auc",
                "Two-snapshot AUC",
                "AUC of telling D_f from held-out examples of its classes by the answers of the "
                "original and the unlearned model together.",
            ),
            _info(
                "retained_leakage_auc",
                "Retained leakage AUC",
                "The same for D_r: whether the two models together give away what was retained.",
            ),
        ),
    ),
    Evidence(
        "class_leakage",
        ("target", "retrained", "references"),
        (
            _info(
                "mia_nn_auc",
                "MIA-NN AUC",
                "AUC of telling the model from a Retrain on a forgotten class or group by the "
                "probabilities of the nearest other classes; Retrain's own is against another one.",
            ),
            _info(
                "label_leakage",
                "Label leakage",
                "Share of forgotten classes among those with the least mean probability on all "
                "held-out examples. Retrain gives its classes away too.",
            ),
        ),
    ),
)

_RELATIVE = (
    Evidence(
        "relative",
        ("target", "retrained", "references", "before"),
        (
            _info(
                "relative_distance",
                "Relative distance",
                "How much nearer the answers on D_f are to Retrain's than to the original's, by "
                "kernel distances: 1 as Retrain, -1 as the original. Retrain is compared with "
                "another one.",
                aim="higher",
                unit="ratio",
            ),
            _info(
                "relative_p",
                "Relative p",
                "P-value of the answers being no nearer to Retrain's than to the original's.",
                aim="none",
                unit="ratio",
            ),
            _info(
                "two_sample_p",
                "Two-sample p",
                "P-value of the answers on D_f being Retrain's; another Retrain may fail this.",
                aim="none",
                unit="ratio",
            ),
        ),
    ),
)

_SUBGROUPS = (
    Evidence(
        "subgroups",
        ("target",),
        (
            _info(
                "ra_worst_class",
                "RA (worst class)",
                "The lowest accuracy of a class on D_r, among classes with 10 examples.",
            ),
            _info(
                "ta_worst_class",
                "TA (worst class)",
                "The lowest accuracy of a class on the held-out examples that TA counts.",
            ),
            _info(
                "ta_worst_group",
                "TA (worst group)",
                "The lowest accuracy of a group on the held-out examples that TA counts.",
            ),
        ),
    ),
)

_STRATA = (
    Evidence(
        "strata",
        ("target", "retrained", "retrains", "originals"),
        (
            *(
                _info(
                    f"ua_{name}",
                    f"UA ({name} memorisation)",
                    f"UA on the third of D_f with {name} memorisation: confidence of originals "
                    "that saw an example minus that of Retrains that did not. Random requests "
                    "with 30 examples.",
                )
                for name in ("low", "middle", "high")
            ),
            *(
                _info(
                    f"kl_{name}",
                    f"KL ({name} memorisation)",
                    f"Mean KL(Retrain || unlearned) on that third of D_f ({name} memorisation).",
                    aim="lower",
                    unit="nats",
                )
                for name in ("low", "middle", "high")
            ),
        ),
    ),
)

_COMPOSITES = (
    Evidence(
        "composites",
        ("target", "retrained", "before"),
        (
            _info(
                "luma",
                "LUMA",
                "Harmonic mean of exp(-4 |difference to Retrain|) in TA and UA together, the same "
                "in MIA AUC, and exp(-cost^3) with cost = ln(1 + RTE) over Retrain's; its authors' "
                "code without the memory term.",
                aim="higher",
            ),
            _info(
                "gum",
                "GUM",
                "Harmonic mean of 1 - |difference to Retrain in TA|, 1 - |difference in MIA AUC| "
                "over the original's, and 1 - ln(1 + RTE) over Retrain's, none below 0. Equal "
                "weights; those of the paper could not be verified.",
                aim="higher",
            ),
        ),
    ),
)

EVIDENCE: Mapping[str, tuple[Evidence, ...]] = {
    "attacks": _ATTACKS,
    "relative": _RELATIVE,
    "subgroups": _SUBGROUPS,
    "strata": _STRATA,
    "composites": _COMPOSITES,
}
"""The files of each block."""

BLOCKS: Mapping[str, tuple[str, ...]] = {
    block: tuple(info.name for evidence in files for info in evidence.infos)
    for block, files in EVIDENCE.items()
}
"""The names of the metrics of each block, in the order in which tables show them."""
