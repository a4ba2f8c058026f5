from django.apps import AppConfig


class ConsentConfig(AppConfig):
    name = "consent"

    def ready(self) -> None:
        """Make known to the floor below who pauses consents when something changes that people agreed to."""
        from agents.drift import pauses_consents
        from consent.drift import pause_for

        pauses_consents(pause_for)
