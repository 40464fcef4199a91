//! Certificates and keys out of PEM texts, with errors that say what is missing.

use super::error::{Part, TlsConfigError};
use super::rustls::{self, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// All certificates in `text`, which is that `part` of the configuration; at least one.
pub(super) fn certificates(
    text: &[u8],
    part: Part,
    what: &str,
) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match all {
        Ok(all) if all.is_empty() => Err(TlsConfigError::new(
            part,
            format!(
                "there is no certificate in the PEM text of {what}; it has to contain \
                 -----BEGIN CERTIFICATE-----"
            ),
        )),
        Ok(all) => Ok(all),
        Err(error) => {
            let text = format!("the PEM text of {what} is damaged: {error}");
            Err(TlsConfigError::new(part, text))
        }
    }
}

/// The first private key in `text`.
pub(super) fn key(text: &[u8]) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
    PrivateKeyDer::from_pem_slice(text).map_err(|error| {
        let text = match error {
            rustls_pki_types::pem::Error::NoItemsFound => {
                "there is no private key in the PEM text of the key; it has to contain \
                 -----BEGIN PRIVATE KEY-----, and must not be encrypted"
                    .to_owned()
            }
            other => format!("the PEM text of the private key is damaged: {other}"),
        };
        TlsConfigError::new(Part::Key, text)
    })
}

/// Those whose signature is trusted.
pub(super) fn roots(text: &[u8]) -> Result<RootCertStore, TlsConfigError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(text, Part::Roots, "the roots")? {
        roots
            .add(certificate)
            .map_err(|error| refused(Part::Roots, "a root certificate cannot be used", error))?;
    }
    Ok(roots)
}

pub(super) fn refused(part: Part, what: &str, error: rustls::Error) -> TlsConfigError {
    TlsConfigError::new(part, format!("{what}: {error}"))
}
