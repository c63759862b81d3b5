"""Where fits run: in processes of this machine (local.py) or on a Ray cluster (ray.py).

The rest of the service knows `Executor` only. `plugin.components` chooses one by the configuration.
"""

from plugin.jobs.executors.executor import Executor as Executor
