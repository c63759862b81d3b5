"""Short names of the series of one watch: the labels that tell them apart. Pure."""

from collections.abc import Mapping, Sequence

from plugin.series import Labels

METRIC = "__name__"


def short_names(watch: str, series: Sequence[Labels]) -> list[str]:
    """`checkout` where one label tells the series apart, `code=500 job=api` where several are
    needed. The name of the watch where there is nothing to tell apart."""
    names = _needed(series)
    return [_short_name(labels, names) or watch for labels in series]


def group_name(group: str, labels: Labels) -> str:
    """`shop` or `shop (checkout)` or `shop (code=500 job=api)`: a group, and the labels that its
    members share."""
    return f"{group} ({_short_name(labels, sorted(labels))})" if labels else group


def _needed(series: Sequence[Labels]) -> list[str]:
    """The labels without which some series would have the same name or none."""
    texts = {
        name: [labels.get(name, "") for labels in series]
        for name in sorted({name for labels in series for name in labels})
    }
    differing = [name for name, values in texts.items() if len(set(values)) > 1]
    length = {name: sum(map(len, texts[name])) for name in differing}
    for name in sorted(differing, key=length.__getitem__):
        if name != METRIC and all(texts[name]) and len(set(texts[name])) == len(series):
            return [name]
    distinct = _distinctness(texts, differing)
    # what is long goes first, as it is hard to read
    for name in sorted(differing, key=lambda name: (name != METRIC, -length[name])):
        others = [other for other in differing if other != name]
        if _distinctness(texts, others) == distinct:
            differing = others
    return differing


def _distinctness(texts: Mapping[str, Sequence[str]], names: Sequence[str]) -> tuple[int, int]:
    """How many different names these labels give, and to how many series none."""
    if not names:
        return 0, 0
    values = list(zip(*(texts[name] for name in names), strict=True))
    return len(set(values)), sum(not any(value) for value in values)


def _short_name(labels: Mapping[str, str], names: Sequence[str]) -> str:
    present = [name for name in names if name in labels]
    if len(names) == 1:
        return "".join(labels[name] for name in present)
    return " ".join(
        labels[name] if name == METRIC else f"{name}={labels[name]}" for name in present
    )
