"""The simulated bank: a mart with customers who behave, and the truth behind them."""

from .bank import SimulatedBank, simulate
from .sample import make_sample
from .truth import Truth, load_truth

__all__ = ["SimulatedBank", "Truth", "load_truth", "make_sample", "simulate"]
