"""`mubench optuna export` writes the studies of a sweep, and can follow it."""

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from mubench.run.tune import optuna_export

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


def test_the_studies_of_a_sweep_are_written_into_its_store(copy, mubench_):
    sweep, store = copy
    log = store / "optuna.log"
    code, out, _ = mubench_("optuna", "export", sweep, "--store", store)
    assert (code, out.splitlines()) == (
        0,
        [f"2 candidates of 1 study in {log} (2 new)", f"open with: optuna-dashboard {log}"],
    )
    storage = JournalStorage(JournalFileBackend(str(log)))
    [name] = optuna.get_all_study_names(storage)
    assert name.startswith("tiny/")
    assert len(optuna.load_study(study_name=name, storage=storage).trials) == 2
    assert "(0 new)" in mubench_("optuna", "export", sweep, "--store", store, "--follow")[1]


def test_they_go_where_the_user_wants_them(copy, mubench_, tmp_path):
    sweep, store = copy
    database = f"sqlite:///{tmp_path}/studies.db"
    mubench_("optuna", "export", sweep, "--store", store, "--to", database)
    assert len(optuna.get_all_study_names(database)) == 1
    assert not (store / "optuna.log").exists()


def test_following_ends_with_ctrl_c(copy, mubench_, monkeypatch):
    def follow(*_):
        yield optuna_export.Exported(1, 2, 1, is_complete=False)
        yield optuna_export.Exported(1, 2, 0, is_complete=False)
        raise KeyboardInterrupt

    monkeypatch.setattr(optuna_export, "follow", follow)
    sweep, store = copy
    code, out, _ = mubench_("optuna", "export", sweep, "--store", store, "--follow")
    assert code == 0
    assert out.count("(1 new)") == 1
    assert out.count("(0 new)") == 0
