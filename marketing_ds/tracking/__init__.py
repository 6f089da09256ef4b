"""The tracker: one MLflow run for each run unit, and champion and challenger; the only user of mlflow.

The store is SQLite with artifacts beside it, under `mlruns/` of the project; MLflow's own
variables (``MLFLOW_TRACKING_URI``, ``MLFLOW_EXPERIMENT_NAME``) go before that.
"""

from ._promotion import promote, roll_back
from ._registry import RegisteredModel, champion, register
from ._runs import log_results, log_run, write_results
from ._store import default_store

__all__ = [
    "RegisteredModel",
    "champion",
    "default_store",
    "log_results",
    "log_run",
    "promote",
    "register",
    "roll_back",
    "write_results",
]
