"""The scheduled jobs: `fit` learns models, `score` judges samples, `upkeep` folds and expires the
store."""
