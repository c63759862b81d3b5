"""What people's answers do to fits: real incidents are not learnt from, a new normal is."""

from collections.abc import Iterable, Sequence

from plugin.jobs.masks import Mask, MaskSource
from plugin.series import SeriesRecord
from plugin.store import Store


class FeedbackMasks:
    """The masks of one watch: those of another source and real incidents, less what is to be
    normal."""

    def __init__(self, watch: str, store: Store, others: MaskSource) -> None:
        self._watch = watch
        self._store = store
        self._others = others

    def __call__(self, records: Sequence[SeriesRecord], start: int, end: int) -> list[Mask]:
        """Those that touch start..end of some series."""
        ids = {record.id for record in records}
        feedback = self._store.feedback
        real = [Mask(*each) for each in feedback.real(self._watch)]
        normal = [Mask(*each) for each in feedback.normal(self._watch)]
        found = [
            *self._others(records, start, end),
            *(each for each in real if each.series_id in ids),
        ]
        return [
            piece
            for each in found
            for piece in without(each, normal)
            if piece.start <= end and piece.end >= start
        ]


def without(masked: Mask, normal: Iterable[Mask]) -> list[Mask]:
    """What is left of an interval outside of others of the same series."""
    left = [masked]
    for hole in normal:
        if hole.series_id == masked.series_id:
            left = [
                piece
                for one in left
                for piece in (
                    Mask(one.series_id, one.start, min(one.end, hole.start - 1)),
                    Mask(one.series_id, max(one.start, hole.end + 1), one.end),
                )
                if piece.start <= piece.end
            ]
    return left
