"""``python -m tusou``."""

from tusou.cli.main import main

main()
