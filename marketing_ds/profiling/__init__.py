"""Profiles: how an audience differs from its base, tag by tag."""

from ._interval import tgi_interval
from ._profile import Profile, profile

__all__ = ["Profile", "profile", "tgi_interval"]
