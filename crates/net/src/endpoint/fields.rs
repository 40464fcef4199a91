//! The fields of a description: which there may be, and what their values are.

use super::description::{Field, Piece};
use super::error::{EndpointParseErrorKind as Kind, Fault};
use super::nearest::nearest;
use super::print::FAMILIES;
use crate::AddressFamily;
use crate::listening::Limits;
use crate::resolver::{Host, classify};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

/// What a kind of endpoint can be told.
pub(super) struct Schema {
    /// The fields that may stand without their names, in this order.
    pub(super) places: &'static [&'static str],
    pub(super) fields: &'static [&'static str],
    /// What the error of a missing field shows.
    pub(super) example: &'static str,
}

/// The fields that are given, each once.
pub(super) struct Fields {
    given: Vec<(&'static str, Piece)>,
    end: usize,
    example: &'static str,
}

impl Fields {
    /// Gives each field its name. What has none takes the first place that no name has taken.
    pub(super) fn read(fields: Vec<Field>, end: usize, schema: &Schema) -> Result<Self, Fault> {
        let mut given: Vec<(&'static str, Piece)> = Vec::new();
        let mut places = Vec::new();
        for field in fields {
            let Some(name) = field.name else {
                places.push(field.value);
                continue;
            };
            let Some(known) = schema.fields.iter().copied().find(|known| *known == name.text)
            else {
                let (known, nearest) = (schema.fields, nearest(&name.text, schema.fields));
                let kind = Kind::UnknownField { field: name.text, known, nearest };
                return Err(Fault::new(name.column, kind));
            };
            if given.iter().any(|(other, _)| *other == known) {
                return Err(Fault::new(name.column, Kind::Repeated { field: known }));
            }
            given.push((known, field.value));
        }
        let named: Vec<_> = given.iter().map(|(name, _)| *name).collect();
        for (index, value) in places.into_iter().enumerate() {
            let is_free = |place: &&&str| given.iter().all(|(name, _)| name != *place);
            if let Some(free) = schema.places.iter().find(is_free) {
                given.push((free, value));
                continue;
            }
            // A place that a name has taken, if there would be one.
            let is_taken =
                |(name, _): &&(_, Piece)| named.contains(name) && schema.places.contains(name);
            return Err(match given.iter().find(is_taken) {
                Some((field, piece)) if index < schema.places.len() => {
                    Fault::new(value.column.max(piece.column), Kind::Repeated { field })
                }
                _ => Fault::new(value.column, Kind::TooManyPositionals { places: schema.places }),
            });
        }
        Ok(Self { given, end, example: schema.example })
    }

    pub(super) fn take(&mut self, field: &'static str) -> Option<Value> {
        let index = self.given.iter().position(|(name, _)| *name == field)?;
        let (field, piece) = self.given.swap_remove(index);
        Some(Value { field, piece })
    }

    #[cfg(feature = "tls")]
    pub(super) fn take_text(&mut self, field: &'static str) -> Option<String> {
        self.take(field).map(Value::into_text)
    }

    /// The limits of a port.
    pub(super) fn take_limits(&mut self) -> Result<Limits, Fault> {
        let backlog = self.take_count("backlog", 0)?;
        let max_connections = self.take_count("maxConnections", 1)?.map(|most| most as usize);
        Ok(Limits { backlog, max_connections })
    }

    /// A number of something, if it is given, and not less than `least`, which is 0 or 1.
    fn take_count(&mut self, field: &'static str, least: u32) -> Result<Option<u32>, Fault> {
        let Some(value) = self.take(field) else { return Ok(None) };
        let allowed = match least {
            0 => "a number from 0 to 4294967295",
            _ => "a number from 1 to 4294967295; leave it out if there is to be no limit",
        };
        let count = value.number(10, u32::MAX, allowed)?;
        if count < least {
            return Err(value.fault(Kind::OutOfRange { field, allowed }));
        }
        Ok(Some(count))
    }

    pub(super) fn need(&mut self, field: &'static str) -> Result<Value, Fault> {
        self.need_as(field, self.example)
    }

    /// One that is needed beside another, as in this example.
    pub(super) fn need_as(
        &mut self,
        field: &'static str,
        example: &'static str,
    ) -> Result<Value, Fault> {
        let missing = Kind::Missing { field, example };
        self.take(field).ok_or_else(|| Fault::new(self.end, missing))
    }
}

/// The value of one field.
pub(super) struct Value {
    field: &'static str,
    piece: Piece,
}

impl Value {
    /// The text as it is: a path, a name.
    #[cfg(any(feature = "tls", unix))]
    pub(super) fn into_text(self) -> String {
        self.piece.text
    }

    fn fault(&self, kind: Kind) -> Fault {
        Fault::new(self.piece.column, kind)
    }

    fn number(&self, radix: u32, most: u32, allowed: &'static str) -> Result<u32, Fault> {
        let (text, field) = (&self.piece.text, self.field);
        if !text.chars().all(|c| c.is_ascii_digit()) {
            return Err(self.fault(Kind::NotANumber { field }));
        }
        u32::from_str_radix(text, radix)
            .ok()
            .filter(|number| *number <= most)
            .ok_or_else(|| self.fault(Kind::OutOfRange { field, allowed }))
    }

    /// A port to listen on; 0 is any free one.
    pub(super) fn server_port(&self) -> Result<u16, Fault> {
        let most = u16::MAX.into();
        self.number(10, most, "a number from 0, for any free port, to 65535")
            .map(|port| port as u16)
    }

    /// A port to connect to.
    pub(super) fn client_port(&self) -> Result<u16, Fault> {
        let allowed = "a number from 1 to 65535";
        match self.number(10, u16::MAX.into(), allowed)? {
            0 => Err(self.fault(Kind::OutOfRange { field: self.field, allowed })),
            port => Ok(port as u16),
        }
    }

    /// The permissions of a file.
    #[cfg(unix)]
    pub(super) fn mode(&self) -> Result<u32, Fault> {
        self.number(8, 0o777, "three octal digits, from 000 to 777")
    }

    /// Seconds, with up to nine digits after the point.
    pub(super) fn seconds(&self) -> Result<Duration, Fault> {
        let field = self.field;
        let (whole, part) = self.piece.text.split_once('.').unwrap_or((&self.piece.text, "0"));
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !are_digits(whole) || !are_digits(part) {
            return Err(self.fault(Kind::NotANumber { field }));
        }
        let allowed = "in seconds, with at most nine digits after the point";
        let out_of_range = || self.fault(Kind::OutOfRange { field, allowed });
        let whole: u64 = whole.parse().map_err(|_| out_of_range())?;
        if part.len() > 9 {
            return Err(out_of_range());
        }
        let nanos: u32 = format!("{part:0<9}").parse().map_err(|_| out_of_range())?;
        Ok(Duration::new(whole, nanos))
    }

    /// A family of addresses.
    pub(super) fn family(&self) -> Result<AddressFamily, Fault> {
        let mut families = FAMILIES.iter();
        let found = families.find(|(name, _)| name.eq_ignore_ascii_case(&self.piece.text));
        let (field, allowed) = (self.field, "ipv4 or ipv6");
        found
            .map(|(_, family)| *family)
            .ok_or_else(|| self.fault(Kind::OutOfRange { field, allowed }))
    }

    /// An address of this machine, with port 0.
    pub(super) fn interface(&self) -> Result<SocketAddr, Fault> {
        address(&self.piece.text)
            .ok_or_else(|| self.fault(Kind::NotAnAddress { field: self.field }))
    }

    /// An address of this machine, and if it is said, a port.
    pub(super) fn local_address(&self) -> Result<SocketAddr, Fault> {
        self.piece.text.parse().or_else(|_| self.interface())
    }

    /// What can be connected to: a name, or an address without its brackets.
    pub(super) fn host(&self) -> Result<String, Fault> {
        match classify(&self.piece.text, 0) {
            Host::Invalid(why) => Err(self.fault(Kind::NotAHost(why))),
            Host::Address(_) | Host::Name(_) => Ok(without_brackets(&self.piece.text).to_owned()),
        }
    }
}

fn address(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if bare == "localhost" {
        return Some((Ipv4Addr::LOCALHOST, 0).into());
    }
    let ip = bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::from((ip, 0)));
    // One with a scope is read with a port only.
    ip.or_else(|| format!("[{bare}]:0").parse::<SocketAddrV6>().ok().map(Into::into))
}

/// An address that stands in brackets; anything else stays as it is.
pub(super) fn without_brackets(host: &str) -> &str {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    bare.filter(|bare| is_address(bare)).unwrap_or(host)
}

/// Whether it is an address, if need be with its link, such as `fe80::1%2` and `fe80::1%eth0`.
pub(super) fn is_address(host: &str) -> bool {
    let is_link = |link: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !link.is_empty() && link.bytes().all(is_plain)
    };
    match host.split_once('%') {
        Some((ip, link)) => ip.parse::<Ipv6Addr>().is_ok() && is_link(link),
        None => host.parse::<IpAddr>().is_ok(),
    }
}
