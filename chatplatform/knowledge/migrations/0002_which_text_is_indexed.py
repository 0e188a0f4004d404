"""Which file a document's content lies in, which text an index was made of, and how fast that was.

Nothing could add documents before, so no row needs more than a default.
"""

from __future__ import annotations

from django.db import migrations, models

import chatplatform.common.ids


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0001_initial")]

    operations = [
        migrations.AddField(
            "document",
            "file_id",
            models.UUIDField(default=chatplatform.common.ids.new_id, editable=False, unique=True),
            preserve_default=False,
        ),
        migrations.AddField("index", "measured_tokens", models.BigIntegerField(default=0)),
        migrations.AddField("index", "measured_s", models.FloatField(default=0)),
        migrations.AddField("indexentry", "text_id", models.UUIDField(editable=False, null=True)),
        migrations.AddField("indexentry", "text_key", models.BinaryField(default=bytes)),
        migrations.AddField("indexentry", "done", models.PositiveIntegerField(default=0)),
    ]
