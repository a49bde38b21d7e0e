"""Evidence that is computed where the weights are, by block: what each metric means."""

from collections.abc import Mapping

from mubench.metrics.metric_info import MetricInfo

MOST_EPOCHS = 10
"""Of relearning on D_r alone."""

WEIGHT_EVIDENCE = [
    MetricInfo(
        "relearn_retain",
        "Relearnt from D_r",
        "fraction",
        "match",
        "Accuracy on D_f after fine-tuning on D_r alone.",
    ),
    *(
        MetricInfo(
            f"relearn_retain_{epoch}",
            f"Relearnt from D_r, epoch {epoch}",
            "fraction",
            "match",
            "Accuracy on D_f after so many epochs of fine-tuning on D_r alone.",
        )
        for epoch in range(1, MOST_EPOCHS + 1)
    ),
    MetricInfo(
        "relearn_few",
        "Relearnt from a few",
        "fraction",
        "match",
        "Accuracy on the rest of D_f after fine-tuning on a few examples of it.",
    ),
    MetricInfo(
        "relearn_steps",
        "Steps to relearn",
        "ratio",
        "match",
        "Steps on batches of D_f until its accuracy is within 5 % of the original's; the limit "
        "of the block where it never is.",
    ),
    *(
        MetricInfo(
            f"probe_{depth}",
            f"Probe, {depth} block",
            "fraction",
            "match",
            "Accuracy on one half of D_f of a linear classifier on the features after this block, "
            "fitted on the other half and on as much of D_r.",
        )
        for depth in ("first", "middle", "last")
    ),
    MetricInfo(
        "cka_original",
        "CKA with the original",
        "fraction",
        "match",
        "Linear CKA of the last features on D_f with the original's.",
    ),
    MetricInfo(
        "cka_retrain",
        "CKA with Retrain",
        "fraction",
        "none",
        "Linear CKA of the last features on D_f with Retrain's.",
    ),
    MetricInfo(
        "l2_original",
        "Distance to the original",
        "ratio",
        "none",
        "L2 distance of the weights to the original's, over the norm of these.",
    ),
    MetricInfo(
        "l2_retrain",
        "Distance to Retrain",
        "ratio",
        "none",
        "L2 distance of the weights to Retrain's, over the norm of the original's.",
    ),
    MetricInfo(
        "barrier_original",
        "Barrier to the original",
        "fraction",
        "none",
        "Largest fall of accuracy on D_r along the straight line to the original's weights.",
    ),
    MetricInfo(
        "barrier_retrain",
        "Barrier to Retrain",
        "fraction",
        "none",
        "The same to Retrain's weights, which begin elsewhere.",
    ),
    MetricInfo("ua_int8", "UA (int8)", "fraction", "match", "UA with the weights rounded to int8."),
]

WEIGHT_BLOCKS: Mapping[str, tuple[str, ...]] = {
    "relearn": ("relearn_retain", "relearn_few", "relearn_steps"),
    "probe": ("probe_first", "probe_middle", "probe_last", "cka_original"),
    "weights": ("ua_int8",),
}
"""By block of evidence on weights: its metrics that have Retrain's value as their aim."""
