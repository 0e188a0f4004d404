"""The effects that jobs leave behind. Nothing here keeps a job from leaving two: that is what is tested."""

from django.db import models


class Effect(models.Model):
    job_id = models.UUIDField()
    pid = models.PositiveIntegerField()
