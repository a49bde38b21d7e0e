"""Further settings of methods, each of which takes another path through the code."""

VARIANTS = {
    "ft": [{"optimizer": "sam"}],
    "ga": [{"optimizer": "sam", "clip_norm": 1.0}],
    "ugradsl": [
        {"alpha": "adaptive", "adaptive_mapping": "effort"},
        {"alpha": "adaptive", "adaptive_space": "features", "adaptive_mapping": "effort"},
        {"alpha": "adaptive", "adaptive_bank": 4, "adaptive_mapping": "effort"},
        {"forward_mode": "joint"},
        {"optimizer": "adamw", "clip_norm": 1.0, "bn_mode": "eval_frozen"},
    ],
    "ugradsl_plus": [{"alpha": "adaptive", "adaptive_mapping": "effort", "adaptive_bank": 4}],
    "neggrad_plus": [{"proximal_weight": 0.1}],
    "rl": [
        {"schedule": "sequential", "exclude_true": True, "alpha": -0.3},
        {"redraw": "once", "optimizer": "adamw", "clip_norm": 1.0},
    ],
    "salun": [{"strict_mask": False}, {"schedule": "sequential", "optimizer": "adamw"}],
    "bad_teacher": [{"temperature": 2.0, "optimizer": "sgd", "weight_decay": 5e-4}],
    "iu": [
        {"solver": "woodfisher_exact", "fisher_examples": 8},
        {"solver": "lissa", "lissa_batch_size": 8, "lissa_iterations": 20},
        {"v_mode": "neg_grad_retain"},
    ],
    "boundary_expanding": [{"optimizer": "adamw", "clip_norm": 1.0, "bn_mode": "eval_frozen"}],
    "msg": [{"rate": 1.0, "clip_norm": 1.0}],
    "l1_sparse": [{"sparsity": 0.01, "no_l1_epochs": 1}],
    "cf_k": [{"k": 0}, {"k": 9, "bn_mode": "eval_frozen"}],
    "eu_k": [{"k": 0}, {"k": 9}],
    "scrub": [
        {"alpha": -0.3, "temperature": 1.0},
        {"ce_weight": 0.0, "msteps": 1, "optimizer": "adamw"},
        {"distill_weight": 0.0},
    ],
    "scrub_r": [{"alpha": -0.3}],
    "rum": [
        {"inner": "ft", "strata": 2},
        {"inner": "salun", "skip_lowest": True},
        {"inner": "ugradsl_plus"},
    ],
    "ff": [{"label_samples": 2}],
    "pabi": [{"decay": 0.0, "optimizer": "adamw", "bn_mode": "eval_frozen"}],
    "sfron": [
        {"alpha": -0.3, "fast_weight": 0.9},
        {"forget_every": 1, "weight_exponent": 1.0, "clip_norm": 0.0, "optimizer": "adamw"},
    ],
}
