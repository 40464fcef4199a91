//! What the configurations of both sides are built of.

use super::error::{Part, TlsConfigError};
use super::pem;
use super::rustls::{self, ConfigBuilder, ConfigSide, WantsVerifier, WantsVersions};

/// The versions that rustls holds to be safe.
pub(super) fn safe_versions<S: ConfigSide>(
    builder: ConfigBuilder<S, WantsVersions>,
) -> Result<ConfigBuilder<S, WantsVerifier>, TlsConfigError> {
    builder
        .with_safe_default_protocol_versions()
        .map_err(|error| pem::refused(Part::Nothing, "no version of TLS can be used", error))
}

/// A certificate and a key that are no pair, most likely.
pub(super) fn unusable(error: rustls::Error) -> TlsConfigError {
    let what = match error {
        rustls::Error::InconsistentKeys(_) => {
            "the key is not that of the certificate; give the two that were made together"
        }
        _ => "the certificate and the key cannot be used",
    };
    pem::refused(Part::Pair, what, error)
}

/// The names of application protocols.
pub(super) fn names<P: AsRef<[u8]>>(protocols: impl IntoIterator<Item = P>) -> Vec<Vec<u8>> {
    protocols.into_iter().map(|protocol| protocol.as_ref().to_vec()).collect()
}
