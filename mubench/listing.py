"""What there is: methods, data sets, models, metrics, scenarios, sweeps."""

from mubench import catalogue, spec
from mubench.metrics.plugged import all_metrics
from mubench.scenario import ARGUMENTS

Entry = dict[str, str]


def entries(kind: str) -> list[Entry]:
    """Name, title and a line about each thing of a kind."""
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
            f"{card.space.free_dimensions} free dimensions",
        }
        for card in cards
    ]


def _datasets() -> list[Entry]:
    cards = map(catalogue.dataset, catalogue.names("datasets"))
    return [
        {
            "name": card.name,
            "title": card.title,
            "about": f"{card.modality}, {len(card.classes)} classes, "
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
            f"{card.recipe['epochs']} epochs",
        }
        for card in cards
    ]


def _metrics() -> list[Entry]:
    return [
        {"name": info.name, "title": info.title, "about": info.description}
        for info in all_metrics().values()
    ]


def _scenarios() -> list[Entry]:
    about = {"random": "a share of D_tr, drawn", "class": "all of D_tr of one or several classes"}
    return [
        {"name": name, "title": f"{name} ({argument})", "about": about[name]}
        for name, argument in ARGUMENTS.items()
    ]


def _sweeps() -> list[Entry]:
    found = {name: spec.about(name) for name in spec.shipped_sweeps()}
    return [
        {"name": name, "title": title, "about": description}
        for name, (title, description) in found.items()
    ]
