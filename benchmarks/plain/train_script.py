"""A process that trains an original, or with `--request` a Retrain, and evaluates it."""

import argparse
import json
from pathlib import Path

import torch
from plain.attacks import evaluate
from plain.loading import in_loaders, read_sets
from plain.training import Recipe, network, train


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--request")
    parser.add_argument("--recipe", type=json.loads)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    recipe = Recipe(**given.recipe)
    sets = read_sets(given.folder, given.request)
    retain = in_loaders(sets)("retain", recipe.batch_size)
    model = train(retain, -(-len(sets["retain"]) // recipe.batch_size), recipe, network)
    found = evaluate(model, sets)
    torch.save(model.state_dict(), given.out)
    given.out.with_suffix(".json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
