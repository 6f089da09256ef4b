"""The schedule of the run units: assets, dates, retries; no logic."""
