"""Django application: Inference."""

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    name = "chatplatform.inference"
    label = "inference"
    verbose_name = "Inference"

    def ready(self) -> None:
        import chatplatform.inference.engine_audit_events  # noqa: F401  # declares them
        from chatplatform.inference.endpoint_permits import may_leave_for
        from chatplatform.privacy.clearance import permit_destinations

        permit_destinations(may_leave_for)
