"""What a process reads that others have stored: at once where it is announced, else every second or
two."""

from collections.abc import Callable, Mapping
from functools import partial

from plugin.cluster.listening import Listening
from plugin.cluster.lookout import Lookout
from plugin.metrics import Metrics
from plugin.scheduler import Scheduler
from plugin.store import Store
from plugin.store.news import Topic

# Between two looks where nothing is announced.
FOLLOW_SECONDS = {Topic.BOARD: 1, Topic.ORDERS: 1, Topic.WINDOWS: 2}


class News:
    """Runs what reads the news of each topic, on the scheduler of a process."""

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        scheduler: Scheduler,
        looks: Mapping[Topic, Callable[[], bool | None]],
    ) -> None:
        """looks: read what is new; False = that has failed."""
        self._scheduler = scheduler
        self._listening = Listening(
            store.listener(), metrics, {topic: partial(self.wake, topic) for topic in looks}
        )
        self._lookouts = {
            topic: Lookout(look, lambda: self._listening.is_heard) for topic, look in looks.items()
        }

    def start(self) -> None:
        for topic, lookout in self._lookouts.items():
            self._scheduler.every(topic, FOLLOW_SECONDS[topic], lookout.run, lane=topic)
        self._listening.start()

    def wake(self, topic: Topic) -> None:
        """There may be something new to read. Does nothing before the start."""
        self._lookouts[topic].wake()
        self._scheduler.hurry(topic)

    def stop(self) -> None:
        self._listening.stop()
