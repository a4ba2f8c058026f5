"""Addresses of people, settings, one-time links and health."""

from __future__ import annotations

from django.urls import path

from console.pages import (
    health,
    invitation,
    language,
    people,
    person,
    report,
    rules,
    settings_page,
    setup,
    signing_keys,
    trusted_issuers,
)

urlpatterns = [
    path("people/", people.people, name="people"),
    path("people/invite/", people.invite, name="people-invite"),
    path("people/invite/done/", people.invited, name="people-invited"),
    path("people/invitations/<uuid:link_id>/withdraw/", people.withdraw, name="invitation-withdraw"),
    path("people/<uuid:person_id>/", person.person, name="person"),
    path("people/<uuid:person_id>/role/", person.change_role, name="person-role"),
    path("people/<uuid:person_id>/deactivate/", person.deactivate, name="person-deactivate"),
    path("people/<uuid:person_id>/reactivate/", person.reactivate, name="person-reactivate"),
    path("people/<uuid:person_id>/password-link/", person.password_link, name="person-password-link"),
    path("people/<uuid:person_id>/password-link/done/", person.password_link_made, name="person-password-link-made"),
    path("reports/<uuid:report_id>/", report.report, name="report"),
    path("language/", language.choose_language, name="language"),
    path("settings/", settings_page.settings_page, name="settings"),
    path("settings/rules/", rules.rules, name="rules"),
    path("settings/rules/<slug:sensitivity_class>/", rules.change, name="rule"),
    path("settings/signing-keys/", signing_keys.signing_keys, name="signing-keys"),
    path("settings/signing-keys/change/", signing_keys.rotate, name="signing-key-rotate"),
    path("settings/signing-keys/<slug:kid>/give-up/", signing_keys.give_up, name="signing-key-give-up"),
    path("settings/trusted-issuers/", trusted_issuers.trusted_list, name="trusted-issuers"),
    path("settings/trusted-issuers/add/", trusted_issuers.add, name="trusted-issuer-add"),
    path("settings/trusted-issuers/<uuid:issuer_id>/", trusted_issuers.one, name="trusted-issuer"),
    path("settings/trusted-issuers/<uuid:issuer_id>/change/", trusted_issuers.change, name="trusted-issuer-change"),
    path("settings/trusted-issuers/<uuid:issuer_id>/end/", trusted_issuers.end, name="trusted-issuer-end"),
    path(
        "settings/trusted-issuers/<uuid:issuer_id>/people/<uuid:linked_id>/forget/",
        trusted_issuers.unlink,
        name="trusted-issuer-unlink",
    ),
    path("setup/", setup.setup, name="setup"),
    path("setup/next/", setup.first_steps, name="first-steps"),
    path("setup/<str:token>", setup.open_link, name="setup-link"),
    path("invitation/", invitation.invitation, name="invitation"),
    path("invitation/<str:token>", invitation.open_link, name="invitation-link"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
]
