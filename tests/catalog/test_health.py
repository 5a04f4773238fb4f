"""How well suppliers deliver."""

from __future__ import annotations

from pathlib import Path

from fakes import solid
from search_builders import RED, World
from tusou.catalog.health import supplier_health
from tusou.catalog.records import Batch


def test_what_images_lack_and_what_comes_twice(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.add(supplier="acme", item_id="whole", title_zh="雪", keywords_en=("snow",), license="CC0-1.0")
    world.add(supplier="acme", item_id="bare")  # the same grey picture
    gone = world.add(solid(RED), supplier="acme", item_id="gone", title_en="red")
    world.remove(gone)
    job = world.library.jobs.start("folder", "acme")
    world.library.catalog.apply(Batch(job_id=job, counts={"added": 2, "refused": 1}))
    world.library.jobs.finish(job, "done")
    acme, zoo = supplier_health(world.library.catalog)
    assert (acme.images, acme.untitled, acme.without_keywords, acme.without_license) == (2, 1, 1, 1)
    assert (acme.doubled, acme.removed, acme.delivered, acme.refused) == (2, 1, 3, 1)
    assert acme.last_job is not None
    assert (zoo.supplier, zoo.images, zoo.delivered, zoo.last_job) == ("zoo", 0, 0, None)
    world.close()
