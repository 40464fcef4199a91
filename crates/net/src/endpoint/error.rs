//! What is wrong with the description of an endpoint, and where.

use std::error::Error;
use std::fmt;

/// What is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EndpointParseErrorKind {
    /// There is no text.
    Empty,
    /// No kind of endpoint has this name.
    UnknownScheme {
        /// What stands there.
        scheme: String,
        /// The kinds that there are.
        known: &'static [&'static str],
        /// The one that was most likely meant.
        nearest: Option<&'static str>,
        /// The whole description that was most likely meant.
        instead: Option<String>,
    },
    /// No field of this kind of endpoint has this name.
    UnknownField {
        /// What stands there.
        field: String,
        /// The fields that there are.
        known: &'static [&'static str],
        /// The one that was most likely meant.
        nearest: Option<&'static str>,
    },
    /// A field is given twice.
    Repeated {
        /// Which one.
        field: &'static str,
    },
    /// A field that is needed is not there.
    Missing {
        /// Which one.
        field: &'static str,
        /// A description that has it.
        example: &'static str,
    },
    /// More values without a name than this kind of endpoint has places for.
    TooManyPositionals {
        /// What the places are for, in their order.
        places: &'static [&'static str],
    },
    /// Nothing where a value should be.
    EmptyValue,
    /// It is not a number.
    NotANumber {
        /// The field.
        field: &'static str,
    },
    /// It is a number, and too small or too large; or none of the words that may be there.
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What may be there.
        allowed: &'static str,
    },
    /// It is not an Internet address.
    NotAnAddress {
        /// The field.
        field: &'static str,
    },
    /// It cannot be the name of a host; the text says why.
    NotAHost(&'static str),
    /// A URL, whose colons divide fields here.
    Url,
    /// An IPv6 address without brackets, whose colons divide fields here.
    BareAddress,
    /// A backslash that stands before nothing that needs one.
    BadEscape,
    /// A `[` without its `]`.
    OpenBracket,
    /// It is right, and cannot be done by this system or by this build.
    Unsupported {
        /// What is missing.
        needs: &'static str,
    },
}

/// The description of an endpoint cannot be read: what is wrong, in which column, and what to write
/// instead.
///
/// Its text has three lines: what is wrong, the description, and a mark under the column.
///
/// # Examples
///
/// ```
/// let error = ropewalk_net::server_from_string("tcp:8080:interfaces=[::1]").unwrap_err();
/// assert_eq!(error.column(), 10);
/// assert_eq!(
///     error.to_string(),
///     "unknown field \"interfaces\", did you mean \"interface\"? (column 10)\n    \
///      tcp:8080:interfaces=[::1]\n             ^"
/// );
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EndpointParseError {
    text: String,
    column: usize,
    kind: EndpointParseErrorKind,
}

impl EndpointParseError {
    /// The description.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The character at which it goes wrong, counted from 1; what is missing is missing behind the
    /// last one.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &EndpointParseErrorKind {
        &self.kind
    }
}

impl fmt::Display for EndpointParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, column, line) = (&self.kind, self.column, one_line(&self.text));
        write!(f, "{kind} (column {column})\n    {line}\n    {:>column$}", '^')
    }
}

impl Error for EndpointParseError {}

impl fmt::Display for EndpointParseErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no endpoint in an empty text; write tcp:8080"),
            Self::UnknownScheme { scheme, known, nearest, instead } => {
                write!(f, "unknown kind of endpoint {scheme:?}")?;
                suggest(f, nearest.or(instead.as_deref()), "begin with one of", known)
            }
            Self::UnknownField { field, known, nearest } => {
                write!(f, "unknown field {field:?}")?;
                suggest(f, *nearest, "the fields are", known)
            }
            Self::Repeated { field } => write!(f, "{field} is given twice; leave one out"),
            Self::Missing { field, example } => {
                write!(f, "{field} is missing; write for example {example}")
            }
            Self::TooManyPositionals { places } => write!(
                f,
                "only {} can stand without a name; write name=value, or \\: for a colon in a value",
                places.join(" and ")
            ),
            Self::EmptyValue => f.write_str("nothing stands here; write a value or leave this out"),
            Self::NotANumber { field } => write!(f, "{field} is a number; write it in digits"),
            Self::OutOfRange { field, allowed } => write!(f, "{field} is {allowed}"),
            Self::NotAnAddress { field } => write!(
                f,
                "{field} is an address of this machine; write 127.0.0.1, or [::1] in brackets"
            ),
            Self::NotAHost(why) => write!(f, "this is not a host: {why}"),
            Self::Url => f.write_str(
                "this is a URL; write its host and its port alone, as in tcp:example.net:80",
            ),
            Self::BareAddress => f.write_str(
                "the colons of an address divide fields here; write it in brackets, as in [::1]",
            ),
            Self::BadEscape => f.write_str(
                "a backslash stands before one of : = [ ] or another backslash; \
                 write \\\\ for a single one",
            ),
            Self::OpenBracket => {
                f.write_str("this bracket is not closed; write \\[ for the letter")
            }
            Self::Unsupported { needs } => write!(f, "this needs {needs}"),
        }
    }
}

/// A control character would move the mark, or the lines.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn suggest(
    f: &mut fmt::Formatter<'_>,
    nearest: Option<&str>,
    otherwise: &str,
    known: &[&str],
) -> fmt::Result {
    match nearest {
        // As it is to be written: another backslash would be another one in the description.
        Some(nearest) => write!(f, ", did you mean \"{}\"?", one_line(nearest)),
        None => write!(f, "; {otherwise} {}", known.join(", ")),
    }
}

/// What is wrong, before it is known in which text.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) column: usize,
    pub(super) kind: EndpointParseErrorKind,
}

impl Fault {
    pub(super) fn new(column: usize, kind: EndpointParseErrorKind) -> Self {
        Self { column, kind }
    }

    pub(super) fn in_text(self, text: &str) -> EndpointParseError {
        EndpointParseError { text: text.to_owned(), column: self.column, kind: self.kind }
    }
}
