"""What a model thinks before it answers, apart from the answer. Adds columns only: a web process of the version before
goes on writing beside it. On the way back, thinking of running answers goes first: it would be taken for the answer."""

from typing import Any

from django.db import migrations, models


def forget_thinking(apps: Any, _schema_editor: Any) -> None:
    apps.get_model("chat", "Segment")._base_manager.filter(kind="thinking").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0006_window_of_turns"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="thinking",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="segment",
            name="kind",
            field=models.CharField(
                choices=[("answer", "Answer"), ("thinking", "Thinking")],
                db_default="answer",
                default="answer",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="turn",
            name="has_thinking",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="turn",
            name="thinking_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="turn",
            name="thinking_tokens",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="turn",
            name="thought_s",
            field=models.FloatField(null=True),
        ),
        migrations.RunPython(migrations.RunPython.noop, forget_thinking),
    ]
