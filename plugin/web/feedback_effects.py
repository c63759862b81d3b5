"""What follows from feedback, in words for its sender. Pure."""

from collections.abc import Sequence

from plugin.domain.times import duration, instant
from plugin.domain.tolerances import (
    HALF_LIFE,
    HOLD_SECONDS,
    MAX_BRIEF_SAMPLES,
    MAX_FACTOR,
    RETURN_SECONDS,
    FeedbackEntry,
    FeedbackSpan,
    Verdict,
)
from plugin.store.feedback import Receipt

WITHDRAWAL_EFFECTS = {
    Verdict.FALSE_ALARM: "its tolerance ends with the next sample",
    Verdict.REAL: "the next fit may learn from it",
    Verdict.NEW_NORMAL: (
        "a level that was accepted by it stays until the next fit, which `bandwatch models refit` "
        "asks for"
    ),
}


def withdrawal_effect(answer: FeedbackEntry) -> str:
    """What follows from taking feedback back, in words. answer: as it was before."""
    if answer.withdrawn_at is None:
        return f"withdrawn; {WITHDRAWAL_EFFECTS[answer.verdict]}"
    return (
        f"had no effect any more: withdrawn or replaced by {answer.withdrawn_by} at "
        f"{instant(answer.withdrawn_at)}"
    )


def effect(receipt: Receipt) -> str:
    """What follows from feedback, in words."""
    answer = receipt.answer
    effects = [
        f"answer {number} said something else of the same time and is replaced"
        for number in receipt.replaced
    ]
    if receipt.again:
        effects.append(f"said before, as answer {answer.id}: nothing was added")
    elif answer.verdict is Verdict.REAL:
        effects.append("it is not learnt from, and a new model that would not see it is refused")
    elif answer.verdict is Verdict.NEW_NORMAL:
        effects.append(
            "the level that it has now is accepted with its next sample, and learnt from"
        )
    else:
        effects += _tolerated(answer.parts)
    return "; ".join(effects)


def _tolerated(parts: Sequence[FeedbackSpan]) -> list[str]:
    effects = []
    widest = max(max(part.brief) for part in parts)
    if widest > 1:
        side = " and ".join(
            name
            for name, column in (("below", 0), ("above", 1))
            if any(part.brief[column] > 1 for part in parts)
        )
        prefix = "the like of it stays quiet, as " if widest < MAX_FACTOR else ""
        effects.append(
            f"{prefix}its band reaches up to {widest:.3g} times as far {side}; half of that is"
            f" forgotten in {duration(HALF_LIFE)}, at its own hour of the day"
            f" {duration(RETURN_SECONDS)} later"
        )
    max_lasting = max(max(part.lasting) for part in parts)
    if max_lasting > 1:
        effects.append(
            f"more than {MAX_BRIEF_SAMPLES} samples were outside: the like of it is tolerated until"
            f" {duration(HOLD_SECONDS)} after it only; if it stays, say new_normal, if it was"
            " planned, add a maintenance window"
        )
    if max(widest, max_lasting) >= MAX_FACTOR:
        effects.append(
            f"it was farther out than the {MAX_FACTOR:.0f} half-widths up to which anything is"
            " tolerated: the like of it alerts again"
        )
    return effects
