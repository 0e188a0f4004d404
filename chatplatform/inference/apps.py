"""Django application: Inference."""

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    name = "chatplatform.inference"
    label = "inference"
    verbose_name = "Inference"
