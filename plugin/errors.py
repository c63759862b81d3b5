"""Every error that the service raises on purpose.

BandwatchError
├── ConfigError                  the configuration is wrong: exit 1 at start, kept at reload
├── PrometheusError              an answer of Prometheus could not be used
│   ├── PrometheusUnavailable    refused, timed out, cut off, 5xx: try again at the next tick
│   ├── QueryRejected            4xx: wrong query, credentials or limit; trying again does not help
│   ├── AnswerInvalid            not the JSON that Prometheus promises
│   └── TooManySeries            more series than `max_series`: refused whole, never truncated
├── RemoteWriteError             samples could not be sent by remote write
│   ├── ReceiverUnavailable      refused, timed out, cut off, 5xx, 429: try again later
│   ├── ReceiverRefuses          4xx about the url, the credentials or the protocol
│   └── SamplesRejected          4xx about the samples: the same samples would be rejected again
├── StoreError                   the store cannot be read or written
│   ├── ResourcesExhausted       no descriptors or memory are left: try again later
│   │   └── WeightsUnavailable   the place of the weights cannot be reached: try again later
│   └── Fenced                   another process does this work by now: nothing was written
├── ClockAhead                   a watch has scores of the future: the clock was set back
├── FitFailed                    a fit ended without a model; carries the reason for the metric
├── Stopped                      the service or a part of it is stopping: not a failure
├── GrafanaError                 `bandwatch grafana check`: Grafana did not answer
├── SelectorError                a selector cannot be read; the message points at the character
├── WindowRefused                a maintenance window is wrong; carries field, value, what is valid
├── PreviewRefused               a preview cannot begin, because another one runs
├── SourceFailed                 a calendar or an Alertmanager could not be read; carries the reason
└── RequestError                 an HTTP request is wrong; carries the status and the parameter
"""


class BandwatchError(Exception):
    """Base class. The message says what to do next."""


class ConfigError(BandwatchError):
    """The configuration cannot be used.

    The message names file, line, path, what was found and what is valid.
    """


class PrometheusError(BandwatchError):
    """Base class of the failures of a query; `reason` is the label of the metric."""

    reason = "error"


class PrometheusUnavailable(PrometheusError):
    """Prometheus did not answer in time, closed the connection, or answered 5xx after the retry
    budget."""

    reason = "unavailable"


class QueryRejected(PrometheusError):
    """Prometheus answered 4xx: the expression, the credentials or a limit is wrong."""

    reason = "rejected"


class AnswerInvalid(PrometheusError):
    """The body is not what the Prometheus HTTP API promises."""

    reason = "invalid"


class TooManySeries(PrometheusError):
    """The query returned more series than the watch allows."""

    reason = "too_many_series"


class RemoteWriteError(BandwatchError):
    """Base class of the failures of remote write; `reason` is the label of the metric."""

    reason = "error"


class ReceiverUnavailable(RemoteWriteError):
    """The receiver did not answer in time, or cannot accept samples now.

    seconds: how long it asks us to wait; 0 = it does not say.
    """

    reason = "unavailable"

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


class ReceiverRefuses(RemoteWriteError):
    """The receiver accepts no sample from us: url, credentials or protocol are wrong."""

    reason = "refused"


class SamplesRejected(RemoteWriteError):
    """The receiver will never accept at least one of these samples."""

    reason = "rejected"


class StoreError(BandwatchError):
    """The store cannot be opened, read or written."""


class ResourcesExhausted(StoreError):
    """A file cannot be opened for now: this process has no descriptors or no memory left. Nothing
    is wrong with the file."""


class WeightsUnavailable(ResourcesExhausted):
    """The place where the weights are cannot be reached for now. Nothing is wrong with the
    weights."""


class Fenced(StoreError):
    """The lease for this work is held by another process: nothing was written. Not a failure: that
    process goes on with it."""


class ClockAhead(BandwatchError):
    """The store holds scores of the future: the clock was ahead, and was set back."""

    reason = "clock"


class Stopped(BandwatchError):
    """The service is stopping, or a reload has replaced this part of it. The next one does the rest
    of the work."""


class FitFailed(BandwatchError):
    """A fit ended without a usable model."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class GrafanaError(BandwatchError):
    """Grafana did not answer, or refused the request; `remedy` says what to do."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(f"{text}: {remedy}")
        self.text = text
        self.remedy = remedy


class SelectorError(BandwatchError):
    """A Prometheus selector cannot be read."""


class WindowRefused(BandwatchError):
    """A maintenance window cannot be used. `field` is wrong: what was found, what is valid."""

    def __init__(self, field: str, actual: str, valid: str) -> None:
        super().__init__(f"{field}: found {actual}; valid is {valid}")
        self.field = field
        self.found = actual
        self.valid = valid


class PreviewRefused(BandwatchError):
    """A preview cannot begin now: another one runs."""


class SourceFailed(BandwatchError):
    """A calendar or an Alertmanager could not be read; `reason` is the label of the metric."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class RequestError(BandwatchError):
    """An HTTP request is wrong: `status` is 4xx, `field` names the parameter.

    retry_after: seconds after which the same request may be answered; 0 = it does not help.
    """

    def __init__(
        self,
        message: str,
        *,
        field: str = "",
        status: int = 400,
        code: str = "bad_request",
        retry_after: int = 0,
    ) -> None:
        super().__init__(message)
        self.field = field
        self.status = status
        self.code = code
        self.retry_after = retry_after
