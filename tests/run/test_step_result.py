"""What a step becomes as a record."""

from mubench.run.step_result import refused
from tests.support.steps import step_of


def test_a_refused_step_has_a_record_with_the_reason():
    record = refused(step_of("final", label="ga", selection="default"), "no classes here")
    assert (record.status, record.message, record.metrics) == ("refused", "no classes here", {})
