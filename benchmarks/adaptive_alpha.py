"""A step of UGradSL+ with the adaptive smoothing rate against one with a fixed rate: same batches.

ResNet-8 (`resnet_small`) on 3x32x32 images and ten classes, batches of 64 + 64, one CPU thread.

OMP_NUM_THREADS=1 python benchmarks/adaptive_alpha.py
"""

from dataclasses import replace

import torch
from helpers.smoke import sized

from mubench.catalogue import cards
from mubench.data.split import AsIs, Source, Split
from mubench.methods.base import ForgetTask
from mubench.methods.ugradsl_plus import UGradSLPlus
from mubench.models.build import build_model

ROUNDS = sized(15, 1)


def main() -> None:
    torch.set_num_threads(1)
    model = build_model(cards.model("resnet_small").card, 10, (3, 32, 32), seed=0)
    generator = torch.Generator().manual_seed(0)
    ids = torch.arange(640)
    inputs = torch.randn(640, 3, 32, 32, generator=generator)
    labels = torch.randint(10, (640,), generator=generator)
    full = Split.whole(Source(inputs, labels, ids, AsIs()))
    splits = {"forget": full.subset(ids[:64]), "retain": full.subset(ids[64:])}
    task = ForgetTask(splits=splits, num_classes=10, seed=0, new_model=lambda: model)
    fixed = UGradSLPlus(alpha=-0.2, learning_rate=1e-4, epochs=2)
    adaptive = replace(fixed, alpha="adaptive", adaptive_mapping="effort")
    ratios = []
    for k in range(ROUNDS + 1):  # interleaved, in turns, so that a busy machine slows both
        order = (fixed, adaptive) if k % 2 else (adaptive, fixed)
        seconds = {method: method.run(model, task).cost.rte_seconds for method in order}
        ratios.append(seconds[adaptive] / seconds[fixed])
    ratios = ratios[1:]  # the first round pays for torch's own start
    middle = sorted(ratios)[ROUNDS // 2]
    print(f"adaptive / fixed, a step: median {middle:.3f} of {ROUNDS} rounds (at most 1.05)")
    print("rounds:", " ".join(f"{ratio:.3f}" for ratio in ratios))


if __name__ == "__main__":
    main()
