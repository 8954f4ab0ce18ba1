"""Why a mirror could not be asked over HTTP is told in Spanish."""

from __future__ import annotations

import ssl

import pytest

from difusor.publish.trouble import trouble


def test_what_openssl_says_is_told_in_spanish() -> None:
    with pytest.raises(ssl.SSLError) as caught:
        ssl.create_default_context().load_verify_locations(__file__)
    assert trouble(caught.value).startswith("la conexión cifrada falló (NO_")


@pytest.mark.parametrize(
    ("number", "said"), [(10, "su certificado expiró"), (62, "su certificado es para otro nombre"), (99, "OpenSSL 99")]
)
def test_a_certificate_that_is_not_believed_is_told_in_spanish(number: int, said: str) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = number
    assert said in trouble(error)
