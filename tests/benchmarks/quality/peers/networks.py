"""Two networks as they were published: one series at a time, a fixed threshold, no season, no gaps,
no calibration.

LSTM: Malhotra et al. (2015), Long Short Term Memory Networks for Anomaly Detection in Time Series:
forecast the next sample, score the error. VAE: Xu et al. (2018), Unsupervised Anomaly Detection via
Variational Auto-Encoder for Seasonal KPIs (Donut): windows of 120 samples, two layers of 100, a
share of the input hidden, score the last place.
"""

import numpy as np
import torch
from torch import Tensor, nn

from tests.benchmarks.quality.data import FloatArray, Series
from tests.benchmarks.quality.peers.verdict import Verdict, carried_forward, distance, spread

SIGMAS = 3.0  # of the errors on the first half
# of the LSTM
HIDDEN = 32
RUN = 120
BATCH = 64
STEPS = 300
RATE = 5e-3
# of the VAE
WINDOW = 120
LATENT = 8
WIDTH = 100
EPOCHS = 15
WINDOWS = 256
HIDE = 0.01


def plain_lstm(series: Series) -> Verdict:
    """|value - forecast of the next sample| over 3 standard deviations of the errors on the first
    half."""
    torch.manual_seed(0)
    values, centre = _standardised(series)
    lstm = nn.LSTM(1, HIDDEN, batch_first=True)
    head = nn.Linear(HIDDEN, 1)
    parameters = [*lstm.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=RATE)
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        at = rng.integers(0, series.split - RUN - 1, (BATCH, 1)) + np.arange(RUN + 1)
        runs = values[torch.from_numpy(at)].unsqueeze(-1)  # [B, RUN + 1, 1]
        optimizer.zero_grad()
        nn.functional.mse_loss(head(lstm(runs[:, :-1])[0]), runs[:, 1:]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.inference_mode():
        ahead = head(lstm(values[None, :-1, None])[0])[0, :, 0].numpy()
    return _scored(series, np.concatenate([[np.nan], ahead]), centre, parameters)


def plain_vae(series: Series) -> Verdict:
    """|value - reconstruction of the last place of its window| over 3 standard deviations of those
    errors."""
    torch.manual_seed(0)
    values, centre = _standardised(series)
    model = _VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    windows = values.unfold(0, WINDOW, 1)  # [T - WINDOW + 1, WINDOW]
    known = series.split - WINDOW + 1
    for _ in range(EPOCHS):
        for at in torch.split(torch.randperm(known), WINDOWS):
            optimizer.zero_grad()
            model.loss(windows[at]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    with torch.inference_mode():
        last = torch.cat(
            [model.reconstruction(part)[:, -1] for part in torch.split(windows, 4096)]
        ).numpy()
    return _scored(
        series,
        np.concatenate([np.full(WINDOW - 1, np.nan), last]),
        centre,
        list(model.parameters()),
    )


class _VAE(nn.Module):
    """Normal likelihood with a deviation of its own for each place."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(WINDOW, WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, 2 * LATENT),
        )
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, 2 * WINDOW),
        )

    def loss(self, windows: Tensor) -> Tensor:
        """Minus the evidence bound of windows [B, W], over the places that were not hidden (Donut's
        M-ELBO)."""
        shown = torch.rand_like(windows) >= HIDE
        mean, log_variance = self.encoder(windows * shown).chunk(2, dim=1)
        latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        centre, raw = self.decoder(latent).chunk(2, dim=1)
        deviation = nn.functional.softplus(raw) + 1e-2
        error = 0.5 * ((windows - centre) / deviation) ** 2 + deviation.log()
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)
        weight = shown.float().mean(dim=1)
        bound: Tensor = ((error * shown).sum(dim=1) + weight * divergence).mean()
        return bound

    def reconstruction(self, windows: Tensor) -> Tensor:
        """[B, W] from the mean of the latent distribution."""
        latent = self.encoder(windows)[:, :LATENT]
        centre: Tensor = self.decoder(latent)[:, :WINDOW]
        return centre


def _standardised(series: Series) -> tuple[Tensor, float]:
    """[T] z-scores by the first half, gaps carried forward; and the mean that was taken away."""
    values = carried_forward(series.values)
    centre = float(values[: series.split].mean())
    return torch.from_numpy(((values - centre) / series.scale).astype(np.float32)), centre


def _scored(
    series: Series, expected: FloatArray, centre: float, parameters: list[nn.Parameter]
) -> Verdict:
    forecast = expected.astype(np.float64) * series.scale + centre
    sigma = spread((series.values - forecast)[: series.split])
    return Verdict(
        distance(series, forecast, SIGMAS * sigma), sum(4 * part.numel() for part in parameters)
    )
