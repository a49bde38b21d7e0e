"""A small sweep of models that it describes itself."""

import yaml


def write(folder, *models, dataset="digits", **changes):
    sweep = {
        "name": "own",
        "grid": {
            "dataset": dataset,
            "model": list(models),
            "forget": [{"scenario": "random", "ratio": 0.1}],
        },
        "methods": {"ft": {}, "ct": {}},
        "training": {"epochs": 1},
        "search": {"trials": 1},
        "seeds": {"search": {"train": [9], "forget": [9]}, "final": {"train": [0], "forget": [0]}},
        **changes,
    }
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(sweep))
    return str(path)
