"""The run unit: typed parameters → papermill → one tracked run; the only user of papermill."""

from .conclusion import Conclusion, conclude
from .parameters import Parameter, declared_parameters, validate_parameters
from .places import find_notebook, project_root, workspace_of
from .record import RunRecord, latest_key
from .run import run_notebook

__all__ = [
    "Conclusion",
    "Parameter",
    "RunRecord",
    "conclude",
    "declared_parameters",
    "find_notebook",
    "latest_key",
    "project_root",
    "run_notebook",
    "validate_parameters",
    "workspace_of",
]
