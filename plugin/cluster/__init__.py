"""What several processes on one store agree on: who does what, what there is to show, and what
people want. `bandwatch run` uses none of it."""
