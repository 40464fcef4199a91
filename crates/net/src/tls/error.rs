//! Why a handshake did not end well, and why a configuration cannot be used.

use super::rustls::{self, AlertDescription, CertificateError, InvalidMessage};
use crate::ConnectionLost;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

/// What is wrong.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TlsErrorKind {
    /// This side does not accept the peer's certificate: it has expired, is for another name, or comes
    /// from nobody who is trusted.
    Certificate(CertificateError),
    /// The peer gave this reason and ended the handshake; it is what one hears whose own certificate
    /// is not accepted.
    Alert(AlertDescription),
    /// What the peer sends is not TLS.
    NotTls,
    /// The two sides have no version, cipher or application protocol in common; the text says which.
    Incompatible(String),
    /// The peer broke a rule of the protocol, or what it sent was changed on its way.
    Protocol(rustls::Error),
    /// The peer closed the connection before the handshake was complete.
    Closed,
    /// The time allowed for the handshake was over.
    TimedOut(Duration),
    /// The connection ended before the handshake was complete, for a reason that has nothing to do
    /// with TLS.
    Ended(ConnectionLost),
    /// The reactor stopped before the handshake was complete.
    Stopped,
    /// The name of the server is neither a host name nor an address.
    InvalidName(String),
    /// A handshake cannot even begin with this configuration.
    Config(rustls::Error),
    /// The connection is encrypted already, or about to be.
    AlreadyTls,
    /// What carries the connection cannot be encrypted.
    Unsupported,
}

/// A connection could not be encrypted, or not any longer: why, and what to do.
///
/// It is the failure of [`start_tls_client`](crate::Transport::start_tls_client) and
/// [`start_tls_server`](crate::Transport::start_tls_server), and inside that of
/// [`connect_tls`](crate::ReactorTls::connect_tls). A connection that breaks because of it is lost with
/// [`ConnectionLost::Lost`]; [`TlsError::of`] finds it there.
#[derive(Clone, Debug)]
pub struct TlsError {
    kind: TlsErrorKind,
    /// The handshake was complete.
    is_late: bool,
}

impl TlsError {
    pub(crate) fn new(kind: TlsErrorKind) -> Self {
        Self { kind, is_late: false }
    }

    /// What rustls says; `begun` is whether the two sides have agreed on anything yet.
    pub(super) fn from_rustls(error: rustls::Error, begun: bool) -> Self {
        Self::new(match error {
            rustls::Error::InvalidCertificate(error) => TlsErrorKind::Certificate(error),
            rustls::Error::NoCertificatesPresented => {
                TlsErrorKind::Certificate(CertificateError::Other(rustls::OtherError(
                    std::sync::Arc::new(rustls::Error::NoCertificatesPresented),
                )))
            }
            rustls::Error::AlertReceived(alert) => TlsErrorKind::Alert(alert),
            rustls::Error::PeerIncompatible(why) => TlsErrorKind::Incompatible(format!("{why:?}")),
            rustls::Error::NoApplicationProtocol => {
                TlsErrorKind::Incompatible("no application protocol in common".to_owned())
            }
            rustls::Error::InvalidMessage(
                InvalidMessage::InvalidContentType
                | InvalidMessage::UnknownProtocolVersion
                | InvalidMessage::MessageTooLarge
                | InvalidMessage::InvalidEmptyPayload,
            ) if !begun => TlsErrorKind::NotTls,
            other => TlsErrorKind::Protocol(other),
        })
    }

    /// The same, of a connection that was encrypted already.
    pub(super) fn after_the_handshake(self) -> Self {
        Self { is_late: true, ..self }
    }

    /// Why a connection that is gone has failed with TLS; nothing if it ended for another reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::tls::TlsError;
    /// use ropewalk_net::ConnectionLost;
    ///
    /// assert!(TlsError::of(&ConnectionLost::Done).is_none());
    /// ```
    #[must_use]
    pub fn of(reason: &ConnectionLost) -> Option<&Self> {
        match reason {
            ConnectionLost::Lost(error) => error.get_ref()?.downcast_ref(),
            _ => None,
        }
    }

    /// What ended a connection before its handshake was complete.
    pub(crate) fn from_end(reason: &ConnectionLost) -> Self {
        Self::of(reason).cloned().unwrap_or_else(|| Self::new(TlsErrorKind::Ended(reason.clone())))
    }

    /// Whether this side has sent the peer an alert that says why.
    fn is_told(&self) -> bool {
        matches!(
            self.kind,
            TlsErrorKind::Certificate(_)
                | TlsErrorKind::NotTls
                | TlsErrorKind::Incompatible(_)
                | TlsErrorKind::Protocol(_)
        )
    }

    pub(crate) fn is_already_tls(&self) -> bool {
        matches!(self.kind, TlsErrorKind::AlreadyTls)
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &TlsErrorKind {
        &self.kind
    }

    /// Whether this side has refused the certificate of the peer.
    #[must_use]
    pub fn is_certificate(&self) -> bool {
        matches!(self.kind, TlsErrorKind::Certificate(_))
    }

    /// Whether the time allowed was over.
    #[must_use]
    pub fn is_timed_out(&self) -> bool {
        matches!(self.kind, TlsErrorKind::TimedOut(_))
    }
}

/// Whether a connection ends with an alert of this side.
pub(crate) fn has_told_why(reason: &ConnectionLost) -> bool {
    TlsError::of(reason).is_some_and(TlsError::is_told)
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        let kind = match error.kind {
            TlsErrorKind::Closed => io::ErrorKind::UnexpectedEof,
            TlsErrorKind::TimedOut(_) => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TlsErrorKind::AlreadyTls => "no second TLS: ",
            _ if self.is_late => "TLS broke off: ",
            _ => "no TLS: ",
        })?;
        match &self.kind {
            TlsErrorKind::Certificate(error) => write!(f, "{} ({error})", advice(error)),
            TlsErrorKind::Alert(alert) => {
                let ended = if self.is_late { "ended" } else { "refused" };
                write!(f, "the peer {ended} it with the alert {alert:?}; its log may say more")
            }
            TlsErrorKind::NotTls => {
                f.write_str("the peer does not speak it; is this the right port?")
            }
            TlsErrorKind::Incompatible(what) => {
                write!(f, "the two sides have too little in common, compare their settings: {what}")
            }
            TlsErrorKind::Protocol(error) => {
                write!(f, "something that cannot be understood came from the peer: {error}")
            }
            TlsErrorKind::Closed => {
                f.write_str("the peer closed the connection in the middle of the handshake")
            }
            TlsErrorKind::TimedOut(limit) => {
                write!(f, "the handshake took longer than {limit:?}; allow more, or check the peer")
            }
            TlsErrorKind::Stopped => f.write_str(
                "the reactor stopped in the middle of the handshake; run it again first",
            ),
            TlsErrorKind::Ended(reason) => write!(f, "before it was there {reason}"),
            TlsErrorKind::InvalidName(name) => {
                write!(f, "{name:?} is neither a host name nor an address")
            }
            TlsErrorKind::Config(error) => write!(f, "the configuration cannot be used: {error}"),
            TlsErrorKind::AlreadyTls => {
                f.write_str("the connection is encrypted already, or about to be; go on with that")
            }
            TlsErrorKind::Unsupported => f.write_str("only a socket can be encrypted"),
        }
    }
}

/// What one can do about a certificate that is refused.
fn advice(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate of the peer has expired; have it renewed, and check the clocks"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate of the peer is not valid yet; check the clocks"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate of the peer is for another name; check the name that was asked for"
        }
        CertificateError::UnknownIssuer => {
            "the certificate of the peer comes from nobody who is trusted; add the issuer to the roots"
        }
        CertificateError::Revoked => "the certificate of the peer was revoked",
        _ => "the certificate of the peer is not accepted",
    }
}

/// Its text says everything: there is no source.
impl Error for TlsError {}

/// A configuration cannot be used: why, and what to do.
///
/// It is the error of [`TlsServer::from_pem`](super::TlsServer::from_pem) and its siblings.
#[derive(Clone, Debug)]
pub struct TlsConfigError {
    text: String,
    part: Part,
}

/// Of what a configuration is made: where its fault is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Certificate,
    Key,
    /// The certificate and the key, which are no pair.
    Pair,
    Roots,
    /// Nothing that was given.
    Nothing,
    /// A file that the text names.
    File,
}

impl TlsConfigError {
    pub(super) fn new(part: Part, text: String) -> Self {
        Self { text, part }
    }

    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::new(Part::File, format!("the file {path:?} cannot be read: {error}"))
    }

    /// Names the one of these files in which the fault is.
    pub(crate) fn in_files(self, certificate: &Path, key: &Path, roots: &Path) -> Self {
        let Self { text, part } = self;
        let text = match part {
            Part::Pair if certificate != key => {
                format!("{text} (files {certificate:?} and {key:?})")
            }
            Part::Certificate | Part::Pair => format!("{text} (file {certificate:?})"),
            Part::Key => format!("{text} (file {key:?})"),
            Part::Roots => format!("{text} (file {roots:?})"),
            Part::Nothing | Part::File => return Self { text, part },
        };
        Self::new(Part::File, text)
    }
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Its text says everything: there is no source.
impl Error for TlsConfigError {}
