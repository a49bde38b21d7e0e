"""Values of a program as the text of a YAML file."""

from pathlib import PurePath
from typing import Any

import numpy as np
import yaml
from typing_extensions import override

from mubench.catalogue.yaml_loader import Loader
from mubench.errors import InputError


class _Dumper(yaml.SafeDumper):
    """Writes paths and NumPy's numbers too, and everything where it is used, without aliases."""

    # A text that the reader would take for a number, such as 1e3, gets quotes.
    yaml_implicit_resolvers = Loader.yaml_implicit_resolvers

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(set, _Dumper.represent_undefined)  # YAML's own sets are no lists
_Dumper.add_multi_representer(PurePath, lambda dumper, path: dumper.represent_data(str(path)))
_Dumper.add_multi_representer(
    np.generic,  # type: ignore[type-abstract]  # that of its subclasses
    lambda dumper, one: dumper.represent_data(one.item()),
)


def to_yaml(value: Any, where: str) -> str:
    r"""The text of a YAML file with a value.

    Raises:
        InputError: it begins with `where`: something in the value is none of YAML's.

    >>> to_yaml({"ratio": (0.1, np.float64(0.5))}, "sweep")
    'ratio:\n- 0.1\n- 0.5\n'
    """
    try:
        return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    except yaml.representer.RepresenterError as error:
        kind = type(error.args[-1]).__name__
        raise InputError(
            f"{where}: a value of type {kind}: numbers, texts, lists and mappings are needed"
        ) from None
    except RecursionError:
        raise InputError(f"{where}: a list or mapping that contains itself") from None
