"""Django application: Attachments of messages."""

from django.apps import AppConfig


class AttachmentsConfig(AppConfig):
    name = "chatplatform.chat.attachments"
    label = "chat_attachments"
    verbose_name = "Attachments of messages"

    def ready(self) -> None:
        from chatplatform.chat.attachments import receivers as receivers  # connects its receivers
        from chatplatform.chat.attachments.links import last_number
        from chatplatform.chat.attachments.prompt_parts import AttachedFiles
        from chatplatform.chat.sources.numbers import count_numbers
        from chatplatform.prompts.parts import add_source

        add_source(AttachedFiles())
        count_numbers(last_number)
