"""The two halves of the service, for more than one process: workers score and fit, web replicas
answer. `bandwatch run` is both in one process, and uses nothing of this."""
