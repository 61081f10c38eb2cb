"""The work queue: keys of objects to reconcile, by priority and time, never one twice at once."""

from druid_operator.pkg.workqueue.interface import LOW_PRIORITY, Queue, QueueShutDown
from druid_operator.pkg.workqueue.metrics import NoMetrics, PrometheusQueueMetrics, QueueMetrics
from druid_operator.pkg.workqueue.passing import DebouncedQueue, LowPriorityQueue, PassingQueue
from druid_operator.pkg.workqueue.priorityqueue import PriorityQueue, Timer, Timers
from druid_operator.pkg.workqueue.ratelimiter import (
    Bucket,
    ItemExponential,
    MaxOf,
    RateLimiter,
)

__all__ = [
    "Queue", "QueueShutDown", "LOW_PRIORITY", "PriorityQueue",
    "PassingQueue", "DebouncedQueue", "LowPriorityQueue",
    "RateLimiter", "ItemExponential", "Bucket", "MaxOf",
    "QueueMetrics", "PrometheusQueueMetrics", "NoMetrics", "Timers", "Timer",
]  # fmt: skip
