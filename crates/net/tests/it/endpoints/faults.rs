//! Texts that describe no endpoint: what is wrong with them, where, and what to write instead.

use proptest::prelude::*;
use ropewalk_net::{
    EndpointParseError, EndpointParseErrorKind as Kind, client_from_string, server_from_string,
};

/// What is wrong with a text, and in which column.
fn fault<E: std::fmt::Debug>(
    read: fn(&str) -> Result<E, EndpointParseError>,
    text: &str,
) -> (usize, Kind) {
    let error = read(text).unwrap_err();
    assert_eq!(error.text(), text);
    (error.column(), error.kind().clone())
}

#[test]
fn a_fault_is_named_and_has_its_column() {
    let unknown = |field: &str, nearest| Kind::UnknownField {
        field: field.to_owned(),
        known: &["port", "interface", "backlog", "maxConnections"],
        nearest,
    };
    let not_a_number = || Kind::NotANumber { field: "port" };
    for (text, column, kind) in [
        ("", 1, Kind::Empty),
        ("tcp:80:back_log=5", 8, unknown("back_log", Some("backlog"))),
        ("tcp:80:host=a", 8, unknown("host", None)),
        ("tcp:80:=a", 8, unknown("", None)),
        ("tcp:port=1:port=2", 12, Kind::Repeated { field: "port" }),
        ("tcp:port=1:2", 12, Kind::Repeated { field: "port" }),
        ("tcp:backlog=50", 15, Kind::Missing { field: "port", example: "tcp:8080" }),
        ("tcp:80:127.0.0.1", 8, Kind::TooManyPositionals { places: &["port"] }),
        ("tcp:80:interface=", 18, Kind::EmptyValue),
        ("tcp:http", 5, not_a_number()),
        ("tcp:-1", 5, not_a_number()),
        ("tcp:+1", 5, not_a_number()),
        ("tcp:8 0", 5, not_a_number()),
        ("tcp:٣", 5, not_a_number()),
        ("tcp:80:interface=eth0", 18, Kind::NotAnAddress { field: "interface" }),
        (r"tcp:80:interface=\n", 18, Kind::BadEscape),
        ("tcp:80:interface=[::1", 18, Kind::OpenBracket),
    ] {
        assert_eq!(fault(server_from_string, text), (column, kind), "{text}");
    }
    let server = |text| fault(server_from_string, text);
    assert!(matches!(server("tpc:80"), (1, Kind::UnknownScheme { nearest: Some("tcp"), .. })));
    assert!(matches!(server("8080"), (1, Kind::UnknownScheme { nearest: None, .. })));
    // A port that serves nobody is not what anybody means by it.
    assert!(matches!(
        server("tcp:80:maxConnections=0"),
        (23, Kind::OutOfRange { field: "maxConnections", .. })
    ));
    assert!(matches!(server("tcp:65536"), (5, Kind::OutOfRange { field: "port", .. })));
    assert!(matches!(server("tcp:99999999999999999999"), (5, Kind::OutOfRange { .. })));
}

/// What has colons of its own is one thing to who writes it.
#[test]
fn a_text_of_another_kind_is_told_as_what_it_is() {
    for (text, column) in [
        ("tcp:80:interface=::1", 18),
        ("tcp:80:interface=fe80::1:backlog=5", 18),
        ("tcp:80:interface=2001:db8:0:0:0:0:0:1", 18),
        ("tcp:é=1:interface=::", 19),
        ("::1:80", 1),
    ] {
        assert_eq!(fault(server_from_string, text), (column, Kind::BareAddress), "{text}");
    }
    for (text, column) in [
        ("tcp:::1:80", 5),
        ("tcp:2001:db8:0:0:0:0:0:1:80", 5),
        ("tcp:host=::1:port=80", 10),
        ("tcp:a:80:bindAddress=::1", 22),
    ] {
        assert_eq!(fault(client_from_string, text), (column, Kind::BareAddress), "{text}");
    }
    for (text, column) in [
        ("http://a.example", 1),
        ("http://a.example:80/", 1),
        ("tcp://a.example:80", 1),
        ("tcp:http://a.example", 5),
        ("tcp:http://a.example:80", 5),
        ("tcp:host=http://a.example:port=80", 10),
    ] {
        assert_eq!(fault(client_from_string, text), (column, Kind::Url), "{text}");
    }
    // A fault that has nothing to do with it stays what it is.
    #[cfg(unix)]
    assert_eq!(
        fault(client_from_string, r"unix:/a\://b:timeout=soon"),
        (22, Kind::NotANumber { field: "timeout" })
    );
    let (column, kind) = fault(client_from_string, "tcp:a:80:tiemout=5:bindAddress=tcp://a");
    assert!(matches!((column, kind), (10, Kind::UnknownField { nearest: Some("timeout"), .. })));
    assert!(matches!(fault(client_from_string, r"tcp:a\:80:80"), (5, Kind::NotAHost(_))));
}

#[test]
fn a_text_without_a_kind_is_given_one() {
    let meant = |error: EndpointParseError| match error.kind() {
        Kind::UnknownScheme { instead, nearest: None, .. } => instead.clone(),
        other => panic!("{other:?}"),
    };
    for (text, instead) in [
        ("a.example:80", Some("tcp:a.example:80")),
        ("127.0.0.1:80", Some("tcp:127.0.0.1:80")),
        ("[::1]:80", Some("tcp:[::1]:80")),
        ("a.example", None),
        ("a.example:http", None),
        #[cfg(unix)]
        ("/run/app.sock", Some("unix:/run/app.sock")),
    ] {
        assert_eq!(meant(client_from_string(text).unwrap_err()).as_deref(), instead, "{text}");
        assert!(instead.is_none_or(|instead| client_from_string(instead).is_ok()));
    }
    for (text, instead) in [
        ("8080", Some("tcp:8080")),
        ("127.0.0.1:80", Some("tcp:80:interface=127.0.0.1")),
        ("[::1]:80", Some("tcp:80:interface=[::1]")),
        ("a.example:80", None),
    ] {
        assert_eq!(meant(server_from_string(text).unwrap_err()).as_deref(), instead, "{text}");
        assert!(instead.is_none_or(|instead| server_from_string(instead).is_ok()));
    }
    let error = client_from_string("a.example:80").unwrap_err().to_string();
    assert!(error.starts_with(r#"unknown kind of endpoint "a.example", did you mean "tcp:a"#));
    // It can be copied.
    #[cfg(unix)]
    {
        let error = client_from_string(r"/run/a\:b").unwrap_err().to_string();
        assert!(error.contains(r#"did you mean "unix:/run/a\:b"?"#), "{error}");
    }
    assert!(matches!(
        client_from_string("ssl:a.example:443").unwrap_err().kind(),
        Kind::UnknownScheme { nearest: Some("tls"), .. }
    ));
}

#[test]
fn a_fault_of_a_client_is_named_and_has_its_column() {
    let client = |text| fault(client_from_string, text);
    let timeout = || Kind::NotANumber { field: "timeout" };
    assert!(matches!(client("tcp:a:0"), (7, Kind::OutOfRange { field: "port", .. })));
    assert!(matches!(client("tcp:a b:80"), (5, Kind::NotAHost(_))));
    assert!(matches!(client("tcp:localhost"), (14, Kind::Missing { field: "port", .. })));
    for text in ["tcp:a:80:timeout=x", "tcp:a:80:timeout=.5", "tcp:a:80:timeout=1."] {
        assert_eq!(client(text), (18, timeout()), "{text}");
    }
    // The last place is there for the port: what is there twice is what the name says again.
    assert_eq!(client("tcp:localhost:80:host=x"), (23, Kind::Repeated { field: "host" }));
    assert_eq!(client("tcp:port=80:a:b"), (15, Kind::Repeated { field: "port" }));
    let family = client("tcp:a:80:family=4").1;
    assert!(matches!(family, Kind::OutOfRange { field: "family", allowed: "ipv4 or ipv6" }));
    for text in ["tcp:a:80:timeout=0.0123456789", "tcp:a:80:timeout=99999999999999999999"] {
        assert!(matches!(client(text), (18, Kind::OutOfRange { .. })), "{text}");
    }
}

#[test]
fn the_text_of_a_fault_shows_where_it_is() {
    let text = |text: &str| server_from_string(text).unwrap_err().to_string();
    assert_eq!(
        text("tcp:8080:interface=lo"),
        "interface is an address of this machine; write 127.0.0.1, or [::1] in brackets (column 20)\n    \
         tcp:8080:interface=lo\n                       ^"
    );
    assert_eq!(
        text("http:80"),
        "unknown kind of endpoint \"http\"; begin with one of tcp, unix, tls (column 1)\n    http:80\n    ^"
    );
    let hostile = text("tcp:1\n2:x");
    assert_eq!(hostile.lines().count(), 3, "{hostile}");
    assert_eq!(text("").lines().count(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_does_harm(text in r"((tcp|unix|tls|x)?[:=\[\]\\a-z0-9.%é\n]{0,40})|\PC{0,40}") {
        for error in [server_from_string(&text).err(), client_from_string(&text).err()].into_iter().flatten() {
            prop_assert!(error.column() >= 1 && error.column() <= text.chars().count() + 1);
            prop_assert_eq!(error.to_string().lines().count(), 3);
        }
    }
}
