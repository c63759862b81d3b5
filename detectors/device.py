"""Where the models are computed: which device, and on how many threads."""

import torch


def choose(name: str) -> str:
    """`auto` is the GPU where there is one, else the CPU; anything else is taken as said."""
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def limit_threads(threads: int) -> None:
    """Keeps torch to `threads` CPU threads in this process."""
    torch.set_num_threads(threads)
