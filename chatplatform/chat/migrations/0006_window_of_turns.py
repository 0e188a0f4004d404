"""How much prompt and answer of a turn might have had together."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0005_order"),
    ]

    operations = [
        migrations.AddField(
            model_name="turn",
            name="window_tokens",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
