"""Django application: Inference."""

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    name = "chatplatform.inference"
    label = "inference"
    verbose_name = "Inference"

    def ready(self) -> None:
        import chatplatform.inference.endpoints.engine_audit_events  # declares them
        import chatplatform.inference.receivers  # noqa: F401  # connects them
        from chatplatform.inference.endpoints.endpoint_permits import may_leave_for
        from chatplatform.privacy.clearance import permit_destinations

        permit_destinations(may_leave_for)
