"""The child processes of the tests are scripts, not modules to be collected."""

collect_ignore = ["killing.py", "sparking.py"]
