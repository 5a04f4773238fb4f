"""The exception tree: one class per kind of failure, each with a stable code.

::

    TusouError                   anything tusou raises on purpose
    ├── ConfigError              settings: every problem found, not only the first
    ├── CatalogError             the system of record
    │   ├── ImageNotFound
    │   ├── SupplierNotFound
    │   ├── UnknownLicense
    │   ├── LibraryNotFound      no library at that path
    │   ├── LibraryLocked        another process is writing
    │   ├── LibraryCorrupt       catalog, blob or embedding fails its check
    │   └── StorageFull          the disk has no room
    ├── SourceError              what a supplier delivered cannot be read as a whole
    ├── FetchError               the guarded fetcher refused or failed
    ├── DecodeError              one image cannot be decoded
    │   ├── UnsupportedFormat
    │   └── ImageTooLarge
    ├── WorkerError              worker processes cannot be started
    ├── BundleError              a model bundle is missing, incomplete or altered
    ├── EncoderError             a tower cannot run on what it was given
    ├── VectorIndexError         the derived index (never Python's IndexError)
    │   ├── DimensionMismatch
    │   ├── IndexStale
    │   └── IndexCorrupt
    ├── QueryError               the caller's fault, HTTP 4xx
    ├── ServeError               the server cannot listen or start
    ├── FeedbackError            the event log, or a log to be imported, cannot be used
    │   └── FeedbackBusy         more is reported than can be written
    ├── OfficeError              collections, licences, accounts: what was asked cannot be done
    │   ├── NotHere              no such collection, agreement, link …
    │   ├── Conflict             somebody else changed it meanwhile
    │   ├── Expired              its time is over
    │   └── NotAllowed           rights, or the asker's role, forbid it
    ├── DataError                training data cannot be used as a whole
    ├── TrainingError            a training run cannot start or go on
    │   └── CheckpointMismatch   weights of another network or configuration
    ├── RankerError              a ranker cannot be trained, read or put to use
    └── EvaluationError
        └── QrelsRunMismatch

A message says what was expected, what came, and what to do. ``reason`` is a machine-readable snake_case
word, listed in docs/reference/errors.md; reports, problem+json and metrics use it.
"""


class TusouError(Exception):
    """Base of every error tusou raises on purpose."""

    reason = "error"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        """Keep the message and, where one class covers several causes, the finer reason.

        Args:
            message: What was expected, what came, what to do.
            reason: Machine-readable cause; the class's own when None.
        """
        super().__init__(message)
        if reason is not None:
            self.reason = reason


class ConfigError(TusouError):
    """Settings that cannot be used; the message lists every problem."""

    reason = "bad_config"


class CatalogError(TusouError):
    """The system of record cannot do what was asked."""

    reason = "catalog_error"


class ImageNotFound(CatalogError):
    """No image in the catalog has this id."""

    reason = "image_not_found"


class SupplierNotFound(CatalogError):
    """No supplier in the catalog has this name."""

    reason = "supplier_not_found"


class UnknownLicense(CatalogError):
    """A licence code that is neither in the table nor a ``LicenseRef-``."""

    reason = "unknown_license"


class LibraryNotFound(CatalogError):
    """No library lies at the path given."""

    reason = "library_not_found"


class LibraryLocked(CatalogError):
    """Another process holds the library's writer lock; the message names its process id."""

    reason = "library_locked"


class LibraryCorrupt(CatalogError):
    """A part of the truth fails its checksum or cannot be opened."""

    reason = "library_corrupt"


class StorageFull(CatalogError):
    """The disk has no room; nothing acknowledged was lost."""

    reason = "storage_full"


class SourceError(TusouError):
    """A source cannot be read as a whole (missing, wrong columns, not an archive)."""

    reason = "bad_source"


class FetchError(TusouError):
    """The guarded fetcher refused an address or could not finish a download."""

    reason = "fetch_failed"


class DecodeError(TusouError):
    """The bytes of one image cannot be turned into pixels."""

    reason = "broken_image"


class UnsupportedFormat(DecodeError):
    """The bytes are no image, or of a format that is not on the allow-list."""

    reason = "unsupported_format"


class ImageTooLarge(DecodeError):
    """The header announces more pixels, scans or frames than the limits allow."""

    reason = "too_many_pixels"


class WorkerError(TusouError):
    """A worker process cannot be started or was closed (one bad image is a DecodeError instead)."""

    reason = "worker_failed"


class BundleError(TusouError):
    """A model bundle is missing, incomplete or does not match its digests."""

    reason = "bad_bundle"


class EncoderError(TusouError):
    """A tower cannot run on what it was given."""

    reason = "encoder_error"


class VectorIndexError(TusouError):
    """The derived index cannot answer."""

    reason = "index_error"


class DimensionMismatch(VectorIndexError):
    """An embedding has another dimension than the index."""

    reason = "dimension_mismatch"


class IndexStale(VectorIndexError):
    """The index was built for another model or schema; rebuild it."""

    reason = "index_stale"


class IndexCorrupt(VectorIndexError):
    """A file of the index does not match its manifest; rebuild it."""

    reason = "index_corrupt"


class QueryError(TusouError):
    """The query or its filters cannot be understood: the caller's to mend."""

    reason = "bad_query"


class ServeError(TusouError):
    """The server cannot listen on its address, or did not start."""

    reason = "serve_failed"


class FeedbackError(TusouError):
    """The event log cannot be used, or something reported to it cannot; the message names what and where."""

    reason = "bad_feedback"


class FeedbackBusy(FeedbackError):
    """More events are reported than can be written at the moment."""

    reason = "feedback_busy"


class OfficeError(TusouError):
    """What was asked of collections, licences or accounts cannot be done."""

    reason = "office_error"


class NotHere(OfficeError):
    """There is no such collection, agreement, link or account."""

    reason = "not_here"


class Conflict(OfficeError):
    """Somebody else changed it between reading and writing."""

    reason = "changed_meanwhile"


class Expired(OfficeError):
    """The time of a link or a grant is over."""

    reason = "expired"


class NotAllowed(OfficeError):
    """The rights of an image, or the role of who asks, forbid it."""

    reason = "not_allowed"


class DataError(TusouError):
    """Training data that cannot be used as a whole, or one row of it; the message names the row."""

    reason = "bad_data"


class TrainingError(TusouError):
    """A training run cannot start or go on (no extra installed, loss not finite, no memory)."""

    reason = "training_failed"


class CheckpointMismatch(TrainingError):
    """Weights or a checkpoint belong to another network or configuration."""

    reason = "checkpoint_mismatch"


class RankerError(TusouError):
    """A ranker cannot be trained, read or put to use."""

    reason = "ranker_error"


class RuleError(TusouError):
    """A manager's rule cannot be kept or read."""

    reason = "rule_error"


class EvaluationError(TusouError):
    """An evaluation cannot be carried out on this input."""

    reason = "evaluation_error"


class QrelsRunMismatch(EvaluationError):
    """Judgments and run share no query."""

    reason = "qrels_run_mismatch"
