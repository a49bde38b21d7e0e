"""What `mubench list` shows: methods, data sets, models, metrics, scenarios, sweeps."""

from mubench.catalogue import cards as catalogue
from mubench.errors import plural
from mubench.metrics.post_hoc import all_metrics
from mubench.sweep import load
from mubench.sweep.grid_syntax import ARGUMENTS

Entry = dict[str, str]


def entries(kind: str) -> list[Entry]:
    """Name, title and description of all entries of a kind."""
    return {
        "methods": _methods,
        "datasets": _datasets,
        "models": _models,
        "metrics": _metrics,
        "scenarios": _scenarios,
        "sweeps": _sweeps,
    }[kind]()


def _methods() -> list[Entry]:
    cards = map(catalogue.method, catalogue.names("methods"))
    return [
        {
            "name": card.name,
            "title": card.title,
            "about": f"needs {', '.join(sorted(card.needs))}; "
            f"{plural(card.space.free_dimensions, 'free dimension')}",
        }
        for card in cards
    ]


def _datasets() -> list[Entry]:
    cards = map(catalogue.dataset, catalogue.names("datasets"))
    return [
        {
            "name": card.name,
            "title": card.title,
            "about": f"{card.modality}, {plural(len(card.classes), 'class', 'classes')}, "
            + (f"{plural(len(card.groups), 'group')}, " if card.groups else "")
            + ", ".join(f"{size} {split}" for split, size in card.sizes.items()),
        }
        for card in cards
    ]


def _models() -> list[Entry]:
    cards = map(catalogue.model, catalogue.names("models"))
    return [
        {
            "name": card.name,
            "title": card.title,
            "about": f"{card.modality}, {card.card['parameters']:,} parameters, "
            f"{plural(card.recipe['epochs'], 'epoch')}",
        }
        for card in cards
    ]


def _metrics() -> list[Entry]:
    return [
        {"name": info.name, "title": info.title, "about": info.description}
        for info in all_metrics().values()
    ]


def _scenarios() -> list[Entry]:
    about = {
        "random": "a random share of D_tr; with `stratified: true` the same share of each class",
        "class": "all training examples of one or several classes",
        "group": "all training examples of groups (subclasses, identities): named ones, or a share",
        "index": "the examples listed in files",
        "corrupted": "a discovered share of what `flip_labels` or `trigger` made wrong",
    }
    in_parts = "; with `parts: 5` in five requests, one after the other on one model"
    return [
        {"name": name, "title": f"{name} ({_forms(name)})", "about": about[name] + in_parts}
        for name in ARGUMENTS
    ]


def _forms(name: str) -> str:
    return " or ".join(" and ".join(form) for form in ARGUMENTS[name])


def _sweeps() -> list[Entry]:
    sweeps = {name: load.about(name) for name in load.shipped_sweeps()}
    return [
        {"name": name, "title": title, "about": description}
        for name, (title, description) in sweeps.items()
    ]
