"""Numbers that a paper printed."""

from dataclasses import replace

from mubench.sweep.published import Published
from tests.support.report_world import CELLS, world

PRINTED = ("cifar100_class", "cifar100_random", "imagenet_class", "tiny_imagenet_random")

NUMBERS = Published.model_validate(
    {
        "source": "A <paper> & co, table 3",
        "cells": {
            CELLS[0]: {
                "rte_unit": "min",
                "rows": {
                    "retrain": {"rte": 26.95},
                    "ft": {"gap": 43.12, "rte": 1.74},
                    "ugradsl": {"gap": 0.1},
                },
            }
        },
    }
)
BESIDE = replace(world(), published=NUMBERS)
