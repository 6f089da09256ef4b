"""Arms and their probabilities as they come in."""

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift import uplift_curve
from marketing_ds.uplift.arms import read_arms, read_chances, read_probability

ARMS = read_arms(["none", "mail", "none", "call"], "none", rows=4)


def test_probabilities_of_those_who_are_here():
    """Two of an experiment's four equal arms were left out."""
    arms = read_arms(["none", "mail"], "none", rows=2)
    found = read_chances({"none": 0.25, "mail": [0.25, 0.5]}, arms)
    np.testing.assert_allclose(found, [[0.5, 0.5], [1 / 3, 2 / 3]])


def test_probabilities_that_add_up_stay_as_they_are():
    given = pd.DataFrame({"none": 0.5, "mail": 0.3, "call": 0.2}, index=range(4))
    found = read_chances(given, ARMS)
    np.testing.assert_array_equal(found, np.tile([0.5, 0.2, 0.3], (4, 1)))
    np.testing.assert_array_equal(read_probability(given, ARMS), [0.5, 0.3, 0.5, 0.2])


def test_a_matrix_without_names_is_told_how_to_come():
    with pytest.raises(InvalidInput, match="a DataFrame with a column an arm"):
        read_chances(np.full((4, 3), 1 / 3), ARMS)


def test_numbers_that_are_no_arms_are_not_offered_as_control():
    with pytest.raises(InvalidInput, match="names of arms") as told:
        uplift_curve(np.ones(500), np.arange(500), np.arange(500) / 7)
    assert "control=" not in str(told.value)
