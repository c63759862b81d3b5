"""What a service that has lived through the past has to tell of it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from plugin.components import Components
from plugin.config import Watch
from plugin.domain.incidents import Incident
from plugin.domain.preview import (
    Preview,
    PreviewAlarm,
    PreviewIncident,
    SeriesBand,
    WatchPreview,
    with_bands,
)
from plugin.preview.past_service import PastService, PreviewTask
from plugin.series import Labels, SeriesRecord

NO_SERIES = Labels.of({})


def outcome(service: PastService, task: PreviewTask) -> Preview:
    """The alarms and incidents that began in the time of a task, and what each watch made of its
    budget."""
    parts = service.parts
    records = {
        record.id: record for name in parts.watches for record in parts.store.series.of(name)
    }
    watches = {name: jobs.watch for name, jobs in parts.watches.items()}
    incidents = [
        incident
        for incident in parts.store.incidents.between(task.start, task.end)
        if incident.start >= task.start
    ]
    alarms = list(_alarms(parts, task, records, watches))
    preview = Preview(
        start=task.start,
        end=task.end,
        watches=tuple(_watches(parts, task, records, alarms)),
        alarms=tuple(alarms),
        incidents=tuple(_incident(incident, records, watches) for incident in incidents),
    )
    return with_bands(preview, _bands(parts, task, records, alarms))


def _alarms(
    parts: Components,
    task: PreviewTask,
    records: Mapping[int, SeriesRecord],
    watches: Mapping[str, Watch],
) -> Iterator[PreviewAlarm]:
    """By start. An alarm that had begun before the task did is not its own."""
    names = [incident.id for incident in parts.store.incidents.between(task.start, task.end)]
    for name, alarm in parts.store.incidents.alarms(names, task.start, task.end):
        record = records[alarm.series_id]
        if alarm.start >= task.start:
            yield PreviewAlarm(record.watch, record.labels, alarm, watches[record.watch].unit, name)


def _watches(
    parts: Components,
    task: PreviewTask,
    records: Mapping[int, SeriesRecord],
    alarms: Sequence[PreviewAlarm],
) -> Iterator[WatchPreview]:
    learn_for = {name: jobs.watch.learn_for for name, jobs in parts.watches.items()}
    ids, samples = parts.store.samples.scored_since(task.start, learn_for)
    scored = dict(zip(ids.tolist(), samples.tolist(), strict=True))
    parts.budget.run()
    noise = parts.board.noise()
    suggestions = noise.suggestions if noise is not None else {}
    counts = Counter(alarm.watch for alarm in alarms)
    for name, jobs in parts.watches.items():
        series = [record for record in records.values() if record.watch == name]
        yield WatchPreview(
            watch=name,
            series=len(series),
            seconds_scored=jobs.watch.step * sum(scored.get(record.id, 0.0) for record in series),
            alert_budget=jobs.watch.alert_budget,
            alarms=counts[name],
            suggestions=tuple(
                (str(record.labels), suggestions[record.id])
                for record in series
                if record.id in suggestions
            ),
        )


def _incident(
    incident: Incident, records: Mapping[int, SeriesRecord], watches: Mapping[str, Watch]
) -> PreviewIncident:
    worst = records[incident.worst]
    return PreviewIncident(
        incident,
        first=str(records[incident.first].labels),
        worst=str(worst.labels),
        unit=watches[worst.watch].unit,
        timezone=watches[worst.watch].timezone,
    )


def _bands(
    parts: Components,
    task: PreviewTask,
    records: Mapping[int, SeriesRecord],
    alarms: Sequence[PreviewAlarm],
) -> Iterator[SeriesBand]:
    """Of the series with the most alarms."""
    counts = Counter(alarm.alarm.series_id for alarm in alarms)
    ids = sorted(records, key=lambda series_id: (-counts[series_id], series_id))
    selection = ids if task.max_bands < 0 else ids[: task.max_bands]
    samples = parts.store.samples.between(np.array(selection, np.int64), task.start, task.end)
    for series_id in selection:
        if series_id in samples:
            record = records[series_id]
            unit = parts.watches[record.watch].watch.unit
            yield SeriesBand(record.watch, record.labels, unit, samples[series_id])
