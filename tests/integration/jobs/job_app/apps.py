"""Jobs for the tests of jobs, as an app would have them."""

from django.apps import AppConfig


class JobAppConfig(AppConfig):
    name = "tests.integration.jobs.job_app"
    label = "job_app"

    def ready(self) -> None:
        """Optionally tear the fence down, to see the tests of it fail."""
        import os

        if os.environ.get("JOB_TESTS_SABOTAGE") == "fence":
            from tests.integration.jobs.sabotage import remove_fence

            remove_fence()
