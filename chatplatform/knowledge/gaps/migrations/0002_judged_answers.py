"""Why a question is listed. Adds a column only: a web process of the version before goes on writing beside it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("knowledge_gaps", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="gap",
            name="cause",
            field=models.CharField(
                choices=[
                    ("unanswered", "No document fitted"),
                    ("judged", "The answer was judged to be bad"),
                ],
                db_default="unanswered",
                default="unanswered",
                max_length=10,
            ),
        ),
    ]
