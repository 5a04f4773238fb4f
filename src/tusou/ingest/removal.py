"""Take images out for good: catalog first, then index, then the bytes nobody needs any more."""

from __future__ import annotations

from collections.abc import Sequence

from tusou.catalog.library import Library
from tusou.catalog.records import Batch
from tusou.errors import ImageNotFound


def remove_images(library: Library, image_ids: Sequence[str]) -> int:
    """Remove images; they never return by themselves, not by a rebuild and not by a new ingest.

    The catalog's transaction is the acknowledgement. The index follows its change feed (indexing.catch_up),
    and drops what it still holds at the next opening if the process dies here.

    Args:
        library: Open for writing.
        image_ids: All must exist.

    Returns:
        Number of images removed.

    Raises:
        ImageNotFound: An id is unknown; nothing was removed.
    """
    digest_of = library.catalog.digests_of(image_ids)
    missing = [image_id for image_id in image_ids if image_id not in digest_of]
    if missing:
        listed = ", ".join(missing[:5])
        raise ImageNotFound(f"no image {listed} in {library.path}; nothing was removed")
    digests = set(digest_of.values())
    library.blobs.mark_in_doubt(digests)
    library.catalog.apply(Batch(removed=list(digest_of)))
    library.drop_unreferenced(digests)
    return len(digest_of)
