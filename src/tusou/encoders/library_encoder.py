"""The encoder a library is searched and filled with: the bundle of the model it is embedded with."""

from __future__ import annotations

from pathlib import Path

from tusou.catalog.library import Library
from tusou.catalog.model_roles import current_model
from tusou.encoders.bundle_encoder import BundleEncoder, open_encoder
from tusou.models.registry import Registry, models_folder


def library_bundle(library: Library) -> Path:
    """Folder of the library's bundle, found by its model id; of the setting ``bundle`` while it has no model.

    Raises:
        BundleError: No bundle at hand is the library's model.
    """
    registry, wanted = Registry(models_folder(library.config.models)), library.config.bundle
    model = current_model(library.catalog)
    return registry.resolve(wanted) if model is None else registry.with_model_id(model.model_id, wanted)


def open_library_encoder(library: Library) -> BundleEncoder:
    """Find and verify the library's bundle and make its encoder.

    Raises:
        BundleError: It is not at hand, incomplete or altered.
    """
    return open_encoder(library_bundle(library))
