"""What a method does to global state ends with its run."""

import pytest

from mubench.methods.contract import global_state
from tests.support.contract_files import RETAIN, mine

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


def test_what_a_method_does_to_global_state_ends_with_its_run():
    before = global_state.state()
    mine(unlearn="torch.rand(1)\nnp.random.rand()\nrandom.random()\n" + RETAIN).run()
    mine(unlearn=RETAIN + "torch.set_default_dtype(torch.float64)").run()
    mine(unlearn=RETAIN + "torch.set_grad_enabled(False)").run()
    assert global_state.state() == before
