"""Keep the memory of one step for the next."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
_KEPT = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let glibc hand freed activations to the next step, not back to the kernel.

    By default every tensor above 128 kB is mapped and unmapped anew, and the kernel zeroes its pages each
    time: that was 40 % of the processor time of fine-tuning convolutions on a CPU. It is for runs whose steps
    need the same sizes, as convolutions on batches of pictures do; lists of images, whose number varies from
    step to step, left holes until 18 GB were taken.

    Returns:
        Whether the C library could be told.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # not glibc
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _KEPT)) & bool(mallopt(_TRIM_THRESHOLD, _KEPT))
