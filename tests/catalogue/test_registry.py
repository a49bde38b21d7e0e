"""The class of a method is found by its name, a plug-in's before others."""

import pytest

from mubench.catalogue.registry import load_method
from tests.support.plugin_files import METHOD, give

pytestmark = pytest.mark.usefixtures("no_plugins")


def test_another_file_of_the_same_name_takes_its_place(tmp_path):
    give(tmp_path)
    first = load_method("halve")
    give(tmp_path, METHOD.replace("factor: float = 0.5", "factor: float = 0.25"))
    assert load_method("halve")().factor == 0.25
    assert first().factor == 0.5
