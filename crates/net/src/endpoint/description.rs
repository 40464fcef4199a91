//! The grammar of descriptions: fields between colons, with a name or without.
//!
//! `kind:value:name=value`. A backslash takes the meaning from the next character, and a value that
//! begins with a bracket goes on to its closing one whatever is between: so `[::1]` needs no
//! backslashes. What the fields mean is not decided here.

use super::error::{EndpointParseErrorKind as Kind, Fault};
use std::fmt::Write as _;

/// A piece of the text without its backslashes, and the column where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) column: usize,
}

#[derive(Debug, PartialEq)]
pub(super) struct Field {
    /// None: it is known by its place.
    pub(super) name: Option<Piece>,
    pub(super) value: Piece,
}

#[derive(Debug, PartialEq)]
pub(super) struct Description {
    pub(super) scheme: Piece,
    pub(super) fields: Vec<Field>,
    /// The column behind the last character: there is what is missing.
    pub(super) end: usize,
}

impl Description {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::new(1, Kind::Empty));
        }
        let mut reader = Reader { rest: text.chars(), column: 1 };
        let mut fields = Vec::new();
        let (scheme, mut stop) = reader.piece(false)?;
        while stop != Stop::End {
            let (first, then) = reader.piece(true)?;
            let (name, value);
            (name, value, stop) = if then == Stop::Equals {
                let (value, stop) = reader.piece(false)?;
                (Some(first), value, stop)
            } else {
                (None, first, then)
            };
            if value.text.is_empty() {
                return Err(Fault::new(value.column, Kind::EmptyValue));
            }
            fields.push(Field { name, value });
        }
        Ok(Self { scheme, fields, end: reader.column })
    }
}

/// What ends a piece.
#[derive(Clone, Copy, PartialEq)]
enum Stop {
    Colon,
    Equals,
    End,
}

struct Reader<'t> {
    rest: std::str::Chars<'t>,
    /// Of the next character.
    column: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.column += usize::from(next.is_some());
        next
    }

    /// Up to the next colon, or the next `=` where one means something.
    fn piece(&mut self, equals: bool) -> Result<(Piece, Stop), Fault> {
        let (column, mut text) = (self.column, String::new());
        let mut bracket = false;
        let stop = loop {
            match self.next() {
                Some('\\') => text.push(self.escaped()?),
                Some('[') if text.is_empty() && self.column == column + 1 => {
                    bracket = true;
                    text.push('[');
                }
                Some(']') => {
                    bracket = false;
                    text.push(']');
                }
                Some(':') if !bracket => break Stop::Colon,
                Some('=') if equals && !bracket => break Stop::Equals,
                Some(other) => text.push(other),
                None if bracket => return Err(Fault::new(column, Kind::OpenBracket)),
                None => break Stop::End,
            }
        };
        Ok((Piece { text, column }, stop))
    }

    fn escaped(&mut self) -> Result<char, Fault> {
        let column = self.column - 1;
        match self.next() {
            Some(c @ (':' | '=' | '[' | ']' | '\\')) => Ok(c),
            _ => Err(Fault::new(column, Kind::BadEscape)),
        }
    }
}

/// A description that is put together; what [`Description::parse`] reads.
pub(super) struct Text(String);

impl Text {
    pub(super) fn new(scheme: &str) -> Self {
        Self(scheme.to_owned())
    }

    /// A value that is known by its place.
    pub(super) fn place(mut self, value: &str) -> Self {
        self.0.push(':');
        self.escape(value, true);
        self
    }

    pub(super) fn field(self, name: &str, value: &str) -> Self {
        let mut text = self.begin(name);
        text.escape(value, false);
        text
    }

    /// A number of something, if it is said.
    pub(super) fn count(self, name: &str, count: Option<impl ToString>) -> Self {
        match count {
            Some(count) => self.field(name, &count.to_string()),
            None => self,
        }
    }

    /// An address: in brackets if it has colons.
    pub(super) fn address(self, name: &str, address: &str) -> Self {
        self.begin(name).bracketed(address)
    }

    /// An address and its port.
    pub(super) fn socket_address(self, name: &str, address: &str, port: u16) -> Self {
        let mut text = self.begin(name).bracketed(address);
        let _ = write!(text.0, "\\:{port}");
        text
    }

    /// An address that is known by its place.
    pub(super) fn address_place(mut self, address: &str) -> Self {
        self.0.push(':');
        self.bracketed(address)
    }

    fn begin(mut self, name: &str) -> Self {
        // Writing to a `String` does not fail.
        let _ = write!(self.0, ":{name}=");
        self
    }

    fn bracketed(mut self, address: &str) -> Self {
        let _ = match address.contains(':') {
            true => write!(self.0, "[{address}]"),
            false => write!(self.0, "{address}"),
        };
        self
    }

    fn escape(&mut self, value: &str, place: bool) {
        for (index, c) in value.chars().enumerate() {
            let special = match c {
                ':' | '\\' => true,
                '=' => place,
                '[' => index == 0,
                _ => false,
            };
            if special {
                self.0.push('\\');
            }
            self.0.push(c);
        }
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Description, Kind, Text};
    use proptest::prelude::*;

    fn parts(text: &str) -> Vec<(Option<String>, String)> {
        let fields = Description::parse(text).unwrap().fields.into_iter();
        fields.map(|field| (field.name.map(|name| name.text), field.value.text)).collect()
    }

    fn fault(text: &str) -> (usize, Kind) {
        let fault = Description::parse(text).unwrap_err();
        (fault.column, fault.kind)
    }

    #[test]
    fn fields_are_divided_by_colons() {
        let named = |name: &str, value: &str| (Some(name.to_owned()), value.to_owned());
        let place = |value: &str| (None, value.to_owned());
        assert_eq!(parts("tcp"), []);
        assert_eq!(parts("tcp:80:a=b=c:x"), [place("80"), named("a", "b=c"), place("x")]);
        assert_eq!(parts(r"u:a\:b\=c\\d\[\]"), [place(r"a:b=c\d[]")]);
        assert_eq!(parts("t:[::1]:i=[::2]"), [place("[::1]"), named("i", "[::2]")]);
        assert_eq!(parts("t:[a=b]x=1"), [named("[a=b]x", "1")], "the name is judged later");
        assert_eq!(parts(r"t:\[a:b[c:]"), ["[a", "b[c", "]"].map(place));
    }

    #[test]
    fn faults_are_at_their_column() {
        assert_eq!(fault(""), (1, Kind::Empty));
        assert_eq!(fault("tcp:"), (5, Kind::EmptyValue));
        assert_eq!(fault("tcp::80"), (5, Kind::EmptyValue));
        assert_eq!(fault("tcp:port="), (10, Kind::EmptyValue));
        assert_eq!(fault(r"unix:C\dir"), (7, Kind::BadEscape));
        assert_eq!(fault(r"unix:é\"), (7, Kind::BadEscape));
        assert_eq!(fault("tcp:80:interface=[::1"), (18, Kind::OpenBracket));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_put_together_is_read_again(
            fields in prop::collection::vec((prop::option::of("[a-z]{1,5}"), r"[a-z:=\[\]\\é]{1,8}"), 0..5)
        ) {
            let mut text = Text::new("kind");
            for (name, value) in &fields {
                text = match name {
                    Some(name) => text.field(name, value),
                    None => text.place(value),
                };
            }
            prop_assert_eq!(parts(&text.into_string()), fields);
        }
    }
}
