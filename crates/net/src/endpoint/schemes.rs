//! The kinds of endpoints that a text can describe, by name.

use super::any::{AnyClientEndpoint, AnyServerEndpoint};
use super::description::{Description, Piece};
use super::error::{EndpointParseError, EndpointParseErrorKind as Kind, Fault};
use super::fields::{Fields, Schema};
use super::nearest::nearest;
use super::{HostnameEndpoint, TcpServerEndpoint, hints};
#[cfg(feature = "tls")]
use super::{TlsClientEndpoint, TlsServerEndpoint};
#[cfg(unix)]
use super::{UnixClientEndpoint, UnixServerEndpoint};

/// The kinds, and their names in the same order.
pub(super) struct Schemes<E: 'static> {
    names: &'static [&'static str],
    kinds: &'static [Scheme<E>],
}

enum Scheme<E: 'static> {
    Known(Schema, fn(&mut Fields) -> Result<E, Fault>),
    /// It needs something that is not here.
    #[cfg_attr(all(feature = "tls", unix), expect(dead_code, reason = "everything is here"))]
    Lacks(&'static str),
}

pub(super) const SERVERS: Schemes<AnyServerEndpoint> = Schemes {
    names: &["tcp", "unix", "tls"],
    kinds: &[
        Scheme::Known(TcpServerEndpoint::SCHEMA, |fields| {
            TcpServerEndpoint::read(fields).map(Into::into)
        }),
        #[cfg(unix)]
        Scheme::Known(UnixServerEndpoint::SCHEMA, |fields| {
            UnixServerEndpoint::read(fields).map(Into::into)
        }),
        #[cfg(not(unix))]
        Scheme::Lacks("a Unix system"),
        #[cfg(feature = "tls")]
        Scheme::Known(TlsServerEndpoint::SCHEMA, |fields| {
            TlsServerEndpoint::read(fields).map(Into::into)
        }),
        #[cfg(not(feature = "tls"))]
        Scheme::Lacks("the feature `tls` of this crate"),
    ],
};

pub(super) const CLIENTS: Schemes<AnyClientEndpoint> = Schemes {
    names: &["tcp", "unix", "tls"],
    kinds: &[
        Scheme::Known(HostnameEndpoint::SCHEMA, |fields| {
            HostnameEndpoint::read(fields).map(Into::into)
        }),
        #[cfg(unix)]
        Scheme::Known(UnixClientEndpoint::SCHEMA, |fields| {
            UnixClientEndpoint::read(fields).map(Into::into)
        }),
        #[cfg(not(unix))]
        Scheme::Lacks("a Unix system"),
        #[cfg(feature = "tls")]
        Scheme::Known(TlsClientEndpoint::SCHEMA, |fields| {
            TlsClientEndpoint::read(fields).map(Into::into)
        }),
        #[cfg(not(feature = "tls"))]
        Scheme::Lacks("the feature `tls` of this crate"),
    ],
};

impl<E> Schemes<E> {
    pub(super) fn read(&self, text: &str) -> Result<E, EndpointParseError> {
        self.interpret(text).map_err(|fault| self.explain(fault, text).in_text(text))
    }

    fn explain(&self, fault: Fault, text: &str) -> Fault {
        let mut fault = hints::explain(fault, text);
        if let Kind::UnknownScheme { nearest: None, instead, .. } = &mut fault.kind {
            let mut candidates = hints::with_a_kind(text).into_iter();
            *instead = candidates.find(|candidate| self.interpret(candidate).is_ok());
        }
        fault
    }

    fn interpret(&self, text: &str) -> Result<E, Fault> {
        let Description { scheme, fields, end } = Description::parse(text)?;
        let column = scheme.column;
        match self.find(scheme)? {
            Scheme::Known(schema, read) => read(&mut Fields::read(fields, end, schema)?),
            Scheme::Lacks(needs) => Err(Fault::new(column, Kind::Unsupported { needs })),
        }
    }

    fn find(&self, scheme: Piece) -> Result<&Scheme<E>, Fault> {
        let index = self.names.iter().position(|name| *name == scheme.text);
        index.and_then(|index| self.kinds.get(index)).ok_or_else(|| {
            let known = self.names;
            let nearest = match &*scheme.text {
                // The name that Twisted, and many others, have for it.
                "ssl" => Some("tls"),
                other => nearest(other, known),
            };
            let kind = Kind::UnknownScheme { scheme: scheme.text, known, nearest, instead: None };
            Fault::new(scheme.column, kind)
        })
    }
}
