"""The values of Prometheus' web configuration for TLS: which we take, and why not the others."""

from plugin.config.field_types import ChoiceField, FieldType
from plugin.config.problems import InvalidValue, display_text

CLIENT_AUTH_TYPES = ("NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert")
UNVERIFIED = {
    "RequestClientCert": "VerifyClientCertIfGiven",
    "RequireAnyClientCert": "RequireAndVerifyClientCert",
}
MIN_VERSIONS = ("TLS12", "TLS13")
BROKEN_VERSIONS = ("TLS10", "TLS11")


class ClientAuthField(ChoiceField):
    """Whether clients must show a certificate."""

    def __init__(self) -> None:
        super().__init__(CLIENT_AUTH_TYPES)

    def read(self, value: object) -> str:
        if isinstance(value, str) and value in UNVERIFIED:
            raise InvalidValue(
                f"{display_text(value)}, which takes any certificate without looking who made it",
                self.valid,
                UNVERIFIED[value],
            )
        return super().read(value)


class MinTlsField(ChoiceField):
    """The oldest TLS that is spoken."""

    def __init__(self) -> None:
        super().__init__(MIN_VERSIONS)

    def read(self, value: object) -> str:
        if value in BROKEN_VERSIONS:
            raise InvalidValue(
                f"{display_text(value)}, which is broken", self.valid, MIN_VERSIONS[0]
            )
        return super().read(value)


class TlsSectionField(FieldType):
    """The section for TLS: without a word in it there would be no encryption, unnoticed."""

    valid = "a mapping with cert_file and key_file"

    def read(self, value: object) -> object:
        if value is None:
            raise InvalidValue("nothing", self.valid)
        return value
