//! Names with letters beyond ASCII, in the form in which they are looked up (IDNA).
//!
//! The form is that of UTS 46, non-transitional, as in browsers. What is ASCII is left as it stands,
//! capitals and `xn--` included: no resolver needs more, and some names that serve well are none by
//! the letter of the standard.

use std::borrow::Cow;

/// The ASCII form of `host`, or why it has none.
pub(crate) fn to_ascii(host: &str) -> Result<Cow<'_, str>, &'static str> {
    if host.is_ascii() { Ok(Cow::Borrowed(host)) } else { encode(host) }
}

#[cfg(feature = "idna")]
fn encode(host: &str) -> Result<Cow<'_, str>, &'static str> {
    // No ASCII is denied: `_service` may well be in front. What cannot be is found out afterwards.
    idna::domain_to_ascii_cow(host.as_bytes(), idna::AsciiDenyList::EMPTY)
        .map_err(|_| "it has letters that may not be in a name; check the spelling")
}

#[cfg(not(feature = "idna"))]
fn encode(_: &str) -> Result<Cow<'_, str>, &'static str> {
    Err("it has letters beyond ASCII; write its xn-- form, or enable the feature `idna`")
}

#[cfg(all(test, feature = "idna"))]
mod tests {
    use super::to_ascii;
    use crate::resolver::{Host, classify};
    use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
    use std::borrow::Cow;

    #[test]
    fn b192_names_are_encoded() {
        for (name, ascii) in [
            ("bücher.example", "xn--bcher-kva.example"),
            ("Bücher.example.", "xn--bcher-kva.example."),
            ("faß.example", "xn--fa-hia.example"),
            ("_service.bücher.example", "_service.xn--bcher-kva.example"),
            ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
            ("☕.example", "xn--53h.example"),
        ] {
            assert_eq!(to_ascii(name).as_deref(), Ok(ascii), "{name}");
        }
    }

    #[test]
    fn b192_ascii_is_left_as_it_stands() {
        for name in ["EXAMPLE.com", "xn--bcher-kva.example", "xn--no-form-at-all!", "", "a b"] {
            assert!(matches!(to_ascii(name), Ok(Cow::Borrowed(same)) if same == name), "{name}");
        }
    }

    #[test]
    fn what_has_no_ascii_form_is_refused() {
        // A dot that is none, a mark with nothing under it, directions mixed, nothing that is seen.
        let long = "ü".repeat(64);
        for name in ["a\u{2024}b\u{fffd}", "\u{301}a", "aא1é.example", "\u{ad}", "ü b", &long] {
            assert!(matches!(classify(name, 7), Host::Invalid(_)), "{name:?}");
        }
    }

    /// What looks like an address is one, and is not handed to name servers.
    #[test]
    fn an_address_in_wide_digits_is_an_address() {
        let expected = Host::Address("127.0.0.1:7".parse().unwrap());
        assert_eq!(classify("１２７．０．０．１", 7), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_looked_up_is_a_possible_name(host in any::<String>()) {
            if let Host::Name(name) = classify(&host, 7) {
                prop_assert!(name.is_ascii() && !name.is_empty() && name.len() <= 254);
                prop_assert_eq!(classify(&name, 7), Host::Name(name.as_ref().into()));
            }
        }
    }
}
