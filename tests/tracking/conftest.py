"""An MLflow database and a sweep to send."""

from pathlib import Path

import pytest

from mubench.sweep.plan import Plan
from tests.support.tracked_plan import plan_of
from tests.support.tracked_world import World


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow takes seconds to lay out a database; each test gets a copy."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def world(tmp_path: Path, empty_database: Path) -> World:
    return World(tmp_path / "store", empty_database)


@pytest.fixture(scope="session")
def plan() -> Plan:
    return plan_of()
