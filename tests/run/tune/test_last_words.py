import subprocess
import sys

import pytest


def errors_of(ending):
    code = "import os, signal, time; from mubench.run.tune.last_words import last_words\n"
    code += f"with last_words(): {ending}"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, start_new_session=True).stderr


@pytest.mark.parametrize("ending", ["os._exit(1)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_run_that_ends_without_a_word_has_a_line(ending):
    errors = errors_of(ending)
    assert errors.startswith("mubench: the run ended without a word: ")
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize("ending", ["pass", "raise SystemExit('done')"])
def test_a_run_that_ends_by_itself_has_none(ending):
    assert "without a word" not in errors_of(ending)


def test_a_run_that_is_interrupted_has_none():
    errors = errors_of("os.killpg(0, signal.SIGINT); time.sleep(60)")
    assert "KeyboardInterrupt" in errors
    assert "without a word" not in errors
