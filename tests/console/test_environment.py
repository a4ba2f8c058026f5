"""Settings are read at one spot, and a value that cannot work stops the start with a sentence."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from console.engines import POSTGRESQL, SQLITE
from console.environment import Environment, read_environment

PRODUCTION = {
    "MANDATE_ISSUER": "https://mandate.clinic.example",
    "MANDATE_TRUSTED_PROXIES": "10.0.0.7",
}


@pytest.fixture
def read(tmp_path: Path):
    """Read the environment of an installation in an empty folder."""

    def _read(**variables: str) -> Environment:
        return read_environment(tmp_path, {"DATA_DIR": str(tmp_path / "data"), **variables})

    return _read


def test_nothing_has_to_be_set(read):
    environment = read()

    assert environment.issuer == "http://localhost:8000"
    assert environment.host == "127.0.0.1"
    assert environment.database["ENGINE"] == SQLITE
    assert environment.queue["broker"].startswith("filesystem://")
    assert not environment.production


def test_the_port_is_in_the_default_issuer(read):
    assert read(PORT="9000").issuer == "http://localhost:9000"


def test_the_data_folder_and_the_keys_are_for_their_owner_alone(read):
    environment = read()

    for path in [environment.data_dir, *environment.data_dir.rglob("*")]:
        assert path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) == 0, path
    assert {path.name for path in (environment.data_dir / "keys").iterdir()} == {
        "secret-key",
        "encryption-key",
        "trail-key",
    }


def test_keys_are_generated_once(read):
    assert read().keys == read().keys


def test_a_key_of_the_environment_goes_before_the_file(read):
    assert read().keys.secret != read(MANDATE_SECRET_KEY="f0e1d2c3b4a59687" * 4).keys.secret


def test_a_missing_key_is_not_made_again_for_data_that_was_written_under_it(read):
    environment = read()
    Path(environment.database["NAME"]).write_bytes(b"SQLite format 3\0")
    (environment.data_dir / "keys" / "encryption-key").unlink()

    with pytest.raises(ImproperlyConfigured, match=r"MANDATE_ENCRYPTION_KEY is not set and .* is missing"):
        read()


def test_web_processes_that_share_a_database_do_not_each_make_their_keys(read):
    with pytest.raises(ImproperlyConfigured, match="MANDATE_SECRET_KEY is not set"):
        read(**PRODUCTION, DATABASE_URL="postgresql://mandate@db.example/mandate")


def test_a_key_file_that_others_can_read_stops_the_start(read):
    environment = read()
    (environment.data_dir / "keys" / "secret-key").chmod(0o644)

    with pytest.raises(ImproperlyConfigured, match="chmod 600"):
        read()


def test_an_encryption_key_may_be_written_in_either_base64(read):
    plain, url_safe = "+/" * 21 + "8=", "-_" * 21 + "8="
    assert read(MANDATE_ENCRYPTION_KEY=plain).keys.encryption == read(MANDATE_ENCRYPTION_KEY=url_safe).keys.encryption


def test_fingerprints_tell_keys_apart_and_give_none_away(read):
    keys = read().keys
    other = read(MANDATE_TRAIL_KEY="0123456789abcdef" * 4).keys

    assert keys.fingerprints()["secret"] == other.fingerprints()["secret"]
    assert keys.fingerprints()["trail"] != other.fingerprints()["trail"]
    assert keys.trail not in str(keys.fingerprints())


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("PORT", "eighty", "whole number"),
        ("PORT", "0", "from 1 to 65535"),
        ("PORT", "70000", "from 1 to 65535"),
        ("PORT", "٣", "whole number"),
        ("HOST", "0.0.0.0 ", "one address"),
        ("MANDATE_WORKERS", "0", "from 1 to 64"),
        ("MANDATE_ISSUER", "http://mandate.clinic.example", "plain http"),
        ("MANDATE_ISSUER", "http://127.0.0.1:8000", "plain http"),
        ("MANDATE_ISSUER", "https://mandate.clinic.example/", "without path"),
        ("MANDATE_ISSUER", "https://mandate.clinic.example/oauth", "without path"),
        ("MANDATE_ISSUER", "https://mandate.clinic.example?x=1", "without path"),
        ("MANDATE_ISSUER", "https://mandate.clinic.example#x", "without path"),
        ("MANDATE_ISSUER", "https://ada@mandate.clinic.example", "without path"),
        ("MANDATE_ISSUER", "https://Mandate.clinic.example", "small letters"),
        ("MANDATE_ISSUER", "https://mandate.clinic.example:443", "leave out the port"),
        ("MANDATE_ISSUER", "https://mandate.clinic.example:99999", "port"),
        ("MANDATE_ISSUER", "mandate.clinic.example", "not such an address"),
        ("MANDATE_ISSUER", "ftp://mandate.clinic.example", "not such an address"),
        ("MANDATE_ISSUER", "https://exa_mple", "not such an address"),
        ("MANDATE_TRUSTED_PROXIES", "proxy.example", "not a network"),
        ("MANDATE_TRUSTED_PROXIES", "10.0.0.7/8", "not a network"),
        ("MANDATE_TRUSTED_PROXIES", "0.0.0.0/0", "everybody"),
        ("MANDATE_ALLOWED_HOSTS", "*", "host names"),
        ("MANDATE_ALLOWED_HOSTS", ".example, *.example", "host names"),
        ("MANDATE_SECRET_KEY", "short", "at least 50"),
        ("MANDATE_SECRET_KEY", "a" * 60, "random"),
        ("MANDATE_ENCRYPTION_KEY", "not base64!", "32 random bytes"),
        ("MANDATE_ENCRYPTION_KEY", "YWJj", "32 random bytes"),
        ("MANDATE_TRAIL_KEY", "short", "at least 50"),
        ("DATABASE_URL", "mysql://u:p@h/x", "not a database that Mandate knows"),
        ("DATABASE_URL", "postgresql://u:p@h", "name of the database is missing"),
        ("DATABASE_URL", "postgresql://u:p@h:port/x", "cannot be read"),
        ("REDIS_URL", "localhost:6379", "redis://"),
        ("EMAIL_URL", "mail.example", "smtp"),
        ("EMAIL_URL", "imap://mail.example", "smtp"),
        ("MANDATE_MAIL_FROM", "Mandate", "one address"),
        ("MANDATE_MAIL_FROM", "a@example.org\nBcc: b@example.org", "one address"),
        ("MANDATE_LOG_LEVEL", "loud", "DEBUG"),
        ("MANDATE_STYLEGUIDE", "perhaps", "yes or no"),
    ],
)
def test_a_value_that_cannot_work_is_a_sentence(read, variable, value, sentence):
    with pytest.raises(ImproperlyConfigured) as refused:
        read(**{variable: value})

    assert variable in str(refused.value)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("variable", ["DATABASE_URL", "EMAIL_URL"])
@pytest.mark.parametrize(
    "value", ["x://ada:open-sesame@host/x", "postgresql://ada:open-sesame@host:y/x", "ada:open-sesame@host"]
)
def test_a_sentence_does_not_repeat_a_password(read, variable, value):
    with pytest.raises(ImproperlyConfigured) as refused:
        read(**{variable: value})

    assert "open-sesame" not in str(refused.value)


def test_a_data_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match=r"DATA_DIR: the folder .* cannot be made"):
        read_environment(tmp_path, {"DATA_DIR": str(tmp_path / "file" / "data")})


def test_in_production_only_the_issuers_host_is_served(read):
    assert read(**PRODUCTION).allowed_hosts == ["mandate.clinic.example"]


def test_in_production_the_proxy_that_ends_tls_is_named(read):
    with pytest.raises(ImproperlyConfigured, match=r"MANDATE_TRUSTED_PROXIES: .* name the proxy"):
        read(MANDATE_ISSUER="https://mandate.clinic.example")


def test_postgresql_has_time_outs(read):
    database = read(DATABASE_URL="postgresql://mandate:p%40ss@db.example:5433/mandate?sslmode=verify-full").database

    assert database["ENGINE"] == POSTGRESQL
    assert (database["PASSWORD"], database["PORT"], database["NAME"]) == ("p@ss", 5433, "mandate")
    assert database["OPTIONS"]["sslmode"] == "verify-full"
    assert "statement_timeout" in database["OPTIONS"]["options"]
    assert database["OPTIONS"]["connect_timeout"] == 3


def test_no_address_of_a_database_makes_each_request_one_transaction(read):
    database = read(DATABASE_URL="postgresql://mandate@db.example/mandate?atomic_requests=true").database
    assert database["ATOMIC_REQUESTS"] is False


def test_mails_can_be_written_to_a_folder_by_its_whole_path(read):
    assert read(EMAIL_URL="filemail:///var/spool/mandate%20mails").mail["EMAIL_FILE_PATH"] == "/var/spool/mandate mails"


def test_a_mail_server_has_the_port_of_its_scheme(read):
    assert read(EMAIL_URL="smtp+ssl://u:p@mail.example").mail["EMAIL_PORT"] == 465
    assert read(EMAIL_URL="smtp+tls://u:p@mail.example:2525").mail["EMAIL_PORT"] == 2525


def test_every_variable_is_described():
    page = (Path(__file__).parents[2] / "docs/reference/settings.md").read_text("utf-8")
    source = "".join(
        (Path(__file__).parents[2] / "console" / name).read_text("utf-8") for name in ("environment.py", "keys.py")
    )
    import re

    read_there = set(re.findall(r'"((?:MANDATE_[A-Z_]+)|DATA_DIR|PORT|HOST|DATABASE_URL|REDIS_URL|EMAIL_URL)"', source))
    assert len(read_there) >= 14
    assert {name for name in read_there if f"`{name}`" not in page} == set()


def test_what_the_proxy_writes_is_one_of_two_headers(read):
    assert read().proxy_header == "forwarded"
    assert read(MANDATE_PROXY_HEADER="X-Forwarded").proxy_header == "x-forwarded"
    with pytest.raises(ImproperlyConfigured, match="MANDATE_PROXY_HEADER"):
        read(MANDATE_PROXY_HEADER="X-Real-IP")
