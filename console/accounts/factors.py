from allauth.mfa.adapter import DefaultMFAAdapter


class FactorAdapter(DefaultMFAAdapter):
    """Filled in below."""
