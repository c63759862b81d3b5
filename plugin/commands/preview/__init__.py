"""Previews: what a configuration would have done in the past, in the terminal, as a page, and for
notebooks."""

from plugin.commands.preview.notebook import preview as preview

__all__ = ["preview"]
