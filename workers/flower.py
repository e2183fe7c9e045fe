"""The Celery application of Flower, whose `/metrics` asks for the password as every page does.

Flower itself shows it to everyone: names of tasks and workers, and their numbers. `/healthcheck` stays open.
"""

from flower.views.monitor import Metrics
from tornado.web import authenticated

from workers.app import app

__all__ = ["app"]

Metrics.get = authenticated(Metrics.get)
