"""placeholder while the tree is being mended"""

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):
    """Filled in below."""
