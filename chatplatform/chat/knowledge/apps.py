"""Django application: passages of collections in answers."""

from __future__ import annotations

from django.apps import AppConfig


class ChatKnowledgeConfig(AppConfig):
    name = "chatplatform.chat.knowledge"
    label = "chat_knowledge"
    verbose_name = "Passages in answers"

    def ready(self) -> None:
        from chatplatform.chat.knowledge import receivers as receivers  # connects its receivers
        from chatplatform.chat.knowledge.prompt_parts import CollectionPassages
        from chatplatform.chat.knowledge.rows import last_number
        from chatplatform.chat.sources.numbers import count_numbers
        from chatplatform.prompts.parts import add_source

        add_source(CollectionPassages())
        count_numbers(last_number)
