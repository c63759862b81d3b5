"""What feedback does to fits: they do not learn from real incidents, and they do learn what is
normal now."""

from collections.abc import Sequence

from plugin.domain.intervals import Interval
from plugin.jobs.masks import MaskSource
from plugin.series import SeriesRecord
from plugin.store import Store


class FeedbackMasks:
    """The masks of one watch: those of another source and real incidents, less the time of which
    someone has said that it is normal."""

    def __init__(self, watch: str, store: Store, other_masks: MaskSource) -> None:
        self._watch = watch
        self._store = store
        self._others = other_masks

    def __call__(self, records: Sequence[SeriesRecord], start: int, end: int) -> list[Interval]:
        """Those that overlap start..end."""
        ids = {record.id for record in records}
        feedback = self._store.feedback
        incidents = [mask for mask in feedback.real(self._watch) if mask.series_id in ids]
        normal = feedback.normal(self._watch)
        return [
            piece
            for mask in [*self._others(records, start, end), *incidents]
            for piece in mask.without(normal)
            if piece.overlaps(start, end)
        ]
