"""An index of all candidates, kept on disk for many campaigns."""
