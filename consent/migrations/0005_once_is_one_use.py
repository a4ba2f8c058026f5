import hashlib

from django.db import migrations
from django.db.models import Exists, OuterRef


def count_what_was_given_once(apps, schema_editor):
    """Say "just once" as one use, and count it as taken where its token was issued. Safe to repeat."""
    consents = apps.get_model("consent", "Consent").objects.filter(once=True)
    tokens = apps.get_model("consent", "AccessToken").objects.filter(consent=OuterRef("pk"))
    consents.filter(Exists(tokens)).update(uses_allowed=1, uses_taken=1)
    used_once = apps.get_model("consent", "UsedOnce").objects.filter(kind="consent")
    # Until now the one use of an organisation's consent was a row of its own, kept for as long as the consent.
    digests = set(used_once.values_list("digest", flat=True))
    used = [
        pk
        for pk in consents.filter(user=None).values_list("pk", flat=True)
        if digests and hashlib.sha256(str(pk).encode()).hexdigest() in digests
    ]
    for start in range(0, len(used), 500):
        consents.filter(pk__in=used[start : start + 500]).update(uses_allowed=1, uses_taken=1)
    consents.filter(uses_allowed=None).update(uses_allowed=1)


class Migration(migrations.Migration):
    dependencies = [("consent", "0004_conditions")]

    operations = [migrations.RunPython(count_what_was_given_once, migrations.RunPython.noop)]
