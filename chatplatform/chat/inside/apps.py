"""Django application: what an answer was made of."""

from django.apps import AppConfig


class InsideConfig(AppConfig):
    name = "chatplatform.chat.inside"
    label = "chat_inside"
    verbose_name = "Look inside"
