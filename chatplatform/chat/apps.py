"""Django application: Chat."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chatplatform.chat"
    label = "chat"
    verbose_name = "Chat"

    def ready(self) -> None:
        from chatplatform.chat import suspension as suspension  # connects its receivers
        from chatplatform.chat.organising import audit_events as audit_events  # declares them
        from chatplatform.chat.organising.instructions import FolderInstructions
        from chatplatform.chat.searchable import texts_of_messages, texts_of_titles
        from chatplatform.prompts.parts import add_source
        from chatplatform.text_search.models import Kind
        from chatplatform.text_search.sources import register_reader

        add_source(FolderInstructions())
        register_reader(Kind.MESSAGE, texts_of_messages)
        register_reader(Kind.TITLE, texts_of_titles)
