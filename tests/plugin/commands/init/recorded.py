"""Small /metrics pages of exporters, and a history that Prometheus might have scraped of them.

A line is `name{labels} value`: the level of a gauge, or the increase of a counter in a second.
"""

import re

import numpy as np

from plugin.series import IntArray, Labels, Series

LINE = re.compile(r"(\w+)\{(.*)\} (\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')
COUNTER = re.compile(r"_(total|bucket|count|sum)$")

NODE = """
node_cpu_seconds_total{cpu="0",mode="idle"} 0.7
node_cpu_seconds_total{cpu="0",mode="user"} 0.3
node_cpu_seconds_total{cpu="1",mode="idle"} 0.9
node_cpu_seconds_total{cpu="1",mode="user"} 0.1
node_disk_io_time_seconds_total{device="sda"} 0.2
node_disk_io_time_seconds_total{device="loop0"} 0.9
node_disk_read_bytes_total{device="sda"} 4000
node_disk_read_bytes_total{device="dm-0"} 4000
node_disk_written_bytes_total{device="sda"} 9000
node_disk_written_bytes_total{device="dm-0"} 9000
node_filesystem_avail_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 3e10
node_filesystem_avail_bytes{device="tmpfs",fstype="tmpfs",mountpoint="/run"} 1e9
node_filesystem_size_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 1e11
node_filesystem_size_bytes{device="tmpfs",fstype="tmpfs",mountpoint="/run"} 1e9
node_load1{} 0.5
node_memory_MemAvailable_bytes{} 6e9
node_memory_MemTotal_bytes{} 8e9
node_network_receive_bytes_total{device="eth0"} 5000
node_network_receive_bytes_total{device="lo"} 100000
node_network_transmit_bytes_total{device="eth0"} 3000
node_network_receive_errs_total{device="eth0"} 0
node_network_transmit_errs_total{device="eth0"} 0
"""
HTTP = """
http_requests_total{code="200",service="checkout"} 40
http_requests_total{code="503",service="checkout"} 1
http_requests_total{code="200",service="search"} 90
http_request_duration_seconds_bucket{le="0.1",service="checkout"} 30
http_request_duration_seconds_bucket{le="0.5",service="checkout"} 40
http_request_duration_seconds_bucket{le="+Inf",service="checkout"} 41
http_request_duration_seconds_count{service="checkout"} 41
rpc_request_duration_seconds_bucket{le="0.1",method="get"} 3
rpc_request_duration_seconds_bucket{le="+Inf",method="get"} 3
rpc_request_duration_seconds_count{method="get"} 3
promhttp_metric_handler_requests_total{code="200"} 0.1
"""
KUBERNETES = """
container_cpu_usage_seconds_total{container="app",namespace="shop",pod="a"} 0.4
container_cpu_usage_seconds_total{container="",namespace="shop",pod="a"} 0.4
container_memory_working_set_bytes{container="app",namespace="shop",pod="a"} 3e8
container_network_receive_bytes_total{namespace="shop",pod="a"} 900
container_network_transmit_bytes_total{namespace="shop",pod="a"} 800
container_cpu_cfs_throttled_periods_total{container="app",namespace="shop",pod="a"} 1
container_cpu_cfs_periods_total{container="app",namespace="shop",pod="a"} 10
kube_pod_container_status_restarts_total{container="app",namespace="shop",pod="a"} 0
kube_pod_status_phase{namespace="shop",phase="Running",pod="a"} 1
kube_pod_status_phase{namespace="shop",phase="Pending",pod="a"} 0
kube_deployment_status_replicas_unavailable{deployment="app",namespace="shop"} 0
"""
BLACKBOX = """
probe_success{} 1
probe_duration_seconds{} 0.2
"""
PROMETHEUS = """
prometheus_build_info{version="2.42.0"} 1
prometheus_tsdb_head_samples_appended_total{} 50
prometheus_tsdb_head_series{} 900
prometheus_rule_group_last_duration_seconds{rule_group="a"} 0.01
process_resident_memory_bytes{} 1e8
scrape_duration_seconds{} 0.02
"""


def scraped(page: str, job: str, times: IntArray) -> list[Series]:
    """The series that scrapes of a page at these times leave. times: [T] unix seconds."""
    target = {"job": job, "instance": f"{job}:80"}
    wave = 1 + 0.1 * np.sin(2 * np.pi * times / 3600)
    samples = []
    for name, labels, value in LINE.findall(page):
        level = float(value) * wave
        values = (
            np.cumsum(level * np.diff(times, prepend=times[0])) if COUNTER.search(name) else level
        )
        if name.endswith("_size_bytes") or name in ("probe_success", "node_memory_MemTotal_bytes"):
            values = np.full(len(times), float(value))
        pairs = {"__name__": name, **target, **dict(LABEL.findall(labels))}
        samples.append(Series(Labels.of(pairs), times, values))
    up = {"__name__": "up", **target}
    return [*samples, Series(Labels.of(up), times, np.ones(len(times)))]
