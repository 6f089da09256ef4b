"""Models handed to decision services: one verified folder, no Python needed to run it."""

from ._bundle import Bundle, export_bundle, load_bundle
from ._store import bundle_path, newest_bundle
from ._verify import BundleCheck, verify_bundle

__all__ = [
    "Bundle",
    "BundleCheck",
    "bundle_path",
    "export_bundle",
    "load_bundle",
    "newest_bundle",
    "verify_bundle",
]
