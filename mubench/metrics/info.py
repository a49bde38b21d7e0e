"""All metrics that a step can record, by name. Reports read this."""

from collections.abc import Mapping

from mubench.metrics.metric_info import MetricInfo
from mubench.metrics.weight_blocks import WEIGHT_EVIDENCE

_ACCURACY = [
    MetricInfo(
        "ua", "UA", "fraction", "match", "Unlearning accuracy: share of D_f answered wrongly."
    ),
    MetricInfo(
        "ra", "RA", "fraction", "match", "Remaining accuracy: share of D_r answered rightly."
    ),
    MetricInfo(
        "ta",
        "TA",
        "fraction",
        "match",
        "Testing accuracy on the held-out split, without the classes or groups that are forgotten.",
    ),
    MetricInfo("ta_all", "TA (all)", "fraction", "match", "Testing accuracy on all classes."),
    MetricInfo(
        "ta_forget_class",
        "TA (forgotten)",
        "fraction",
        "match",
        "Testing accuracy on held-out examples of the forgotten classes.",
    ),
    MetricInfo(
        "ta_forget_group",
        "TA (forgotten group)",
        "fraction",
        "match",
        "Testing accuracy on held-out examples of the forgotten groups, where there are any.",
    ),
    MetricInfo(
        "ta_adjacent",
        "TA (adjacent)",
        "fraction",
        "match",
        "Testing accuracy on the other groups of the classes to which the forgotten groups belong.",
    ),
    MetricInfo(
        "corrected_accuracy",
        "Corrected",
        "fraction",
        "higher",
        "Accuracy on the true labels of all training examples whose labels an option of the data "
        "set made wrong, in D_f or not.",
    ),
    MetricInfo(
        "trigger_success",
        "Trigger success",
        "fraction",
        "lower",
        "Share of held-out images of other classes that a stamped trigger brings into its class.",
    ),
]

_MEMBERSHIP = [
    MetricInfo(
        "mia_svc",
        "MIA",
        "fraction",
        "match",
        "MIA efficacy: share of D_f that a confidence SVC calls non-member (not a success rate).",
    ),
    MetricInfo(
        "mia_svc_attack_accuracy",
        "MIA attack accuracy",
        "fraction",
        "none",
        "Balanced accuracy of that SVC on its own training data; near 0.5 its MIA is arbitrary.",
    ),
    MetricInfo(
        "mia_auc",
        "MIA AUC",
        "fraction",
        "match",
        "AUC of telling D_f from held-out examples of its classes or groups; 0.5 is chance.",
    ),
]

_RETRAINED = [
    MetricInfo(
        f"retrain_{name}",
        f"{title} of Retrain",
        "fraction",
        "none",
        f"{title} of the model retrained without the same D_f: the target.",
    )
    for name, title in {
        "ua": "UA",
        "ra": "RA",
        "ta": "TA",
        "mia_svc": "MIA",
        "mia_auc": "MIA AUC",
    }.items()
]

_GAPS = [
    MetricInfo(
        "gap",
        "Avg. Gap",
        "fraction",
        "lower",
        "Mean absolute difference to Retrain in UA, MIA, RA and TA.",
    ),
    MetricInfo(
        "robust_gap",
        "Robust gap",
        "fraction",
        "lower",
        "Avg. Gap with the class-matched MIA AUC in place of the SVC attack, whose verdict jumps.",
    ),
    MetricInfo(
        "accuracy_gap",
        "Accuracy gap",
        "fraction",
        "lower",
        "Avg. Gap without an attack: mean absolute difference to Retrain in UA, RA and TA.",
    ),
    MetricInfo(
        "gap_terms",
        "Avg. Gap terms",
        "ratio",
        "none",
        "How many values Avg. Gap averages; recorded only where it is fewer than four.",
    ),
    MetricInfo(
        "tow",
        "ToW",
        "fraction",
        "higher",
        "Tug of war: product of 1 - |difference to Retrain| over UA, RA and TA.",
    ),
    MetricInfo("tow_mia", "ToW-MIA", "fraction", "higher", "Tug of war with MIA in place of UA."),
]

_DISTANCES = [
    MetricInfo("kl_forget", "KL", "nats", "lower", "Mean KL(Retrain || unlearned) on D_f."),
    MetricInfo(
        "js_forget",
        "JS",
        "nats",
        "lower",
        "Mean Jensen-Shannon divergence from Retrain on D_f, at most ln 2.",
    ),
    MetricInfo(
        "activation_distance_forget",
        "Activation distance",
        "ratio",
        "lower",
        "Mean Euclidean distance of the probabilities from Retrain's on D_f.",
    ),
    MetricInfo(
        "agreement_forget",
        "Agreement (D_f)",
        "fraction",
        "higher",
        "Share of D_f on which Retrain predicts the same class.",
    ),
    MetricInfo(
        "agreement_holdout",
        "Agreement (held out)",
        "fraction",
        "higher",
        "Share of the held-out split on which Retrain predicts the same class.",
    ),
    MetricInfo(
        "entropy_forget",
        "Entropy",
        "nats",
        "match",
        "Mean entropy of the predictions on D_f, at most ln K; high is not better.",
    ),
    MetricInfo(
        "weight_change",
        "Weight change",
        "ratio",
        "none",
        "Norm of the change of the weights over the norm of the original's.",
    ),
]

_COST = [
    MetricInfo(
        "rte_seconds",
        "RTE",
        "seconds",
        "lower",
        "Time from the original in memory to the unlearned model, preparation included; "
        "process CPU seconds on a CPU, wall time on a GPU.",
    ),
    MetricInfo("wall_seconds", "Wall time", "seconds", "lower", "Wall time of the same span."),
    MetricInfo(
        "prepare_seconds",
        "Preparation",
        "seconds",
        "lower",
        "Part of RTE that a method spends before its first update.",
    ),
    MetricInfo(
        "forward_examples",
        "Forward",
        "examples",
        "lower",
        "Examples sent forward while unlearning.",
    ),
    MetricInfo(
        "backward_examples",
        "Backward",
        "examples",
        "lower",
        "Examples sent backward while unlearning.",
    ),
    MetricInfo(
        "update_cosine", "cos(update, v)", "ratio", "none", "How far a solver turned IU's vector v."
    ),
    MetricInfo(
        "alpha_mean", "Mean alpha", "ratio", "none", "Mean adaptive rate in the last epoch."
    ),
    MetricInfo(
        "attack_success",
        "Attack success",
        "fraction",
        "none",
        "Share of BS's adversarial examples that the original puts into another class.",
    ),
    MetricInfo(
        "certified",
        "Certified",
        "fraction",
        "none",
        "1 if a certificate covers all that the model holds; 0 with BatchNorm's statistics.",
    ),
    MetricInfo(
        "epochs_kept",
        "Epochs kept",
        "fraction",
        "none",
        "Share of its epochs that SCRUB+R did not rewind; at 0 it hands back the original.",
    ),
    MetricInfo(
        "objective", "Objective", "fraction", "lower", "What a search minimises; 1 where it failed."
    ),
    MetricInfo("train_accuracy", "Train", "fraction", "none", "The original's accuracy on D_tr."),
    MetricInfo(
        "validation_accuracy", "Validation", "fraction", "none", "The original's accuracy on D_val."
    ),
    MetricInfo(
        "flops", "FLOPs", "flops", "lower", "Floating-point operations of those passes, by count."
    ),
    MetricInfo(
        "peak_mib", "Peak memory", "mib", "lower", "Peak memory above the resident baseline."
    ),
    MetricInfo(
        "energy_joules",
        "Energy",
        "joules",
        "lower",
        "Energy of the device in that span: processor packages or the GPU, all that ran there. "
        "Only where the machine tells it and the step has the device to itself.",
    ),
]

_DIAGNOSTICS = [
    MetricInfo(
        "theorem2_cosine",
        "Theorem 2 cosine",
        "ratio",
        "none",
        "Cosine of UGradSL's Theorem 2: below 0 some negative smoothing rate helps plain ascent.",
    ),
    MetricInfo(
        "theorem2_best_alpha",
        "Theorem 2 alpha",
        "ratio",
        "none",
        "The smoothing rate whose step, to first order, ends nearest to Retrain.",
    ),
    MetricInfo(
        "theorem2_improvement",
        "Theorem 2 improvement",
        "fraction",
        "none",
        "Share of plain ascent's distance to Retrain that this rate saves, to first order.",
    ),
    MetricInfo(
        "theorem2_residual",
        "Theorem 2 residual",
        "ratio",
        "none",
        "Relative residual of the solves behind Theorem 2; not small: raise iterations or damping.",
    ),
    MetricInfo(
        "label_ldp_epsilon",
        "Label-LDP epsilon",
        "nats",
        "none",
        "Theorem 3's epsilon for the smoothing rate, under the weights that the sweep assumes.",
    ),
]
_SEQUENCES = [
    MetricInfo(
        "sequence_reversal",
        "Reversal",
        "fraction",
        "none",
        "Requests in parts: accuracy on the first part at the end, minus that right after it was "
        "unlearned; above 0 later parts brought it back.",
    ),
    MetricInfo(
        "sequence_erosion",
        "Erosion",
        "fraction",
        "lower",
        "Requests in parts: testing accuracy after the first part, minus that at the end.",
    ),
]

METRICS: Mapping[str, MetricInfo] = {
    info.name: info
    for info in (
        *_ACCURACY,
        *_MEMBERSHIP,
        *_GAPS,
        *_DISTANCES,
        *_COST,
        *_DIAGNOSTICS,
        *WEIGHT_EVIDENCE,
        *_SEQUENCES,
        *_RETRAINED,
    )
}
"""Every metric by name, in the order in which tables show them."""
