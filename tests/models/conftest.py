"""No progress bars of transformers."""

import pytest
import transformers


@pytest.fixture
def no_progress_bars():
    transformers.utils.logging.disable_progress_bar()
    yield
    transformers.utils.logging.enable_progress_bar()
