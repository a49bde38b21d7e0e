"""A process that makes one trial: an original from disk unlearns a request and is evaluated."""

import argparse
import json
from pathlib import Path

import torch
from plain.attacks import evaluate
from plain.loading import in_loaders, read_sets
from plain.methods import METHODS
from plain.training import network


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--request")
    parser.add_argument("--original", type=Path)
    parser.add_argument("--method", choices=METHODS)
    parser.add_argument("--params", type=json.loads)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    sets = read_sets(given.folder, given.request)
    model = network()
    model.load_state_dict(torch.load(given.original))
    model.train()
    METHODS[given.method](model, in_loaders(sets), given.params)
    found = evaluate(model, sets)
    torch.save(model.state_dict(), given.out)
    given.out.with_suffix(".json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
