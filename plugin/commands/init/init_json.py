"""The proposals as JSON, for programs. Pure."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from plugin.commands.init.alarm_trial import AlarmTrial
from plugin.commands.init.carried import Omission
from plugin.commands.init.proposals import Proposal, ProposalList
from plugin.domain.times import DAY


def proposals_json(file: Path | None, outcome: ProposalList, omissions: Sequence[Omission]) -> str:
    """All that came of the trials. file: the one that was written; None = none was."""
    return json.dumps(
        {
            "file": str(file) if file is not None else None,
            "watches": [_watch(proposal) for proposal in outcome.proposals],
            "left_out": [{"name": item.name, "reason": item.reason} for item in outcome.rejected],
            "not_carried": [{"place": item.place, "reason": item.reason} for item in omissions],
        },
        indent=2,
    )


def _watch(proposal: Proposal) -> dict[str, Any]:
    return {
        "preset": proposal.preset,
        "why": proposal.why,
        "series": proposal.trial.series,
        "series_now": proposal.trial.series_now,
        "missing_share": round(proposal.trial.missing_share, 6),
        "scrape_interval_seconds": proposal.scrape_interval,
        "note": proposal.note,
        **_alarms(proposal),
        "settings": proposal.settings,
    }


def _alarms(proposal: Proposal) -> dict[str, Any]:
    """`alarms_per_week` is null where nothing was tried; the reason is beside it."""
    alarms = proposal.alarms
    if not isinstance(alarms, AlarmTrial):
        return {"alarms_per_week": None, "alarms_not_tried": alarms.reason}
    return {
        "alarms_per_week": round(alarms.weekly, 3),
        "alarms_seen": alarms.alarms,
        "series_days_tried": round(alarms.seconds / DAY, 3),
        "fit_seconds": round(alarms.fit_seconds, 3),
    }
