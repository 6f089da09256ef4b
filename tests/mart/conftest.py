"""The child process of the kill tests is a script, not a module to be collected."""

collect_ignore = ["killing.py"]
