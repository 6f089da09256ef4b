"""Any result is drawn by the file of its room, which is loaded when it is first needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.plots import draw


def test_what_has_no_picture_says_so():
    with pytest.raises(InvalidInput, match="there is no picture of a dict"):
        draw({})


def test_a_result_is_drawn_without_its_pictures_being_imported_first():
    code = (
        "import matplotlib; matplotlib.use('Agg')\n"
        "import numpy as np, marketing_ds as mds\n"
        "rng = np.random.default_rng(0)\n"
        "arm = np.where(rng.random(500) < 0.5, 'mail', 'control')\n"
        "curve = mds.uplift_curve(rng.integers(0, 2, 500), rng.random(500), arm)\n"
        "print(type(curve.plot()).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Axes"
