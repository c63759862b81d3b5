"""What all blocks of the file have in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A block of the file: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
