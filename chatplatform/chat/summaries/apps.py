"""Django application: summaries of what was said long ago."""

from django.apps import AppConfig


class SummariesConfig(AppConfig):
    name = "chatplatform.chat.summaries"
    label = "chat_summaries"
    verbose_name = "Summaries"

    def ready(self) -> None:
        from chatplatform.chat.summaries.prompt_parts import SummaryTexts
        from chatplatform.prompts.parts import add_source

        add_source(SummaryTexts())
