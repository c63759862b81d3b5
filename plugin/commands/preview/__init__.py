"""Previews: what a configuration would have done in the past, in the terminal, as a page, and for
notebooks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plugin.commands.preview.notebook import preview as preview

__all__ = ["preview"]


def __getattr__(name: str) -> Any:
    """The function for notebooks, as it was imported before `bandwatch.preview`. It alone needs
    pandas."""
    if name != "preview":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from plugin.commands.preview.notebook import preview

    return preview
