//! Multicast, on the loopback interface and nowhere else.

use crate::datagrams::Listener;
use crate::fixture::{has, skipped, turn_a_little, turn_until};
use ropewalk_net::{DatagramOptions, DatagramPort, MulticastInterface, ReactorUdp as _};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// A group for programs of one site.
fn group() -> IpAddr {
    IpAddr::from([239, 255, 80, 7])
}

/// A port that receives what is sent to groups; on the address of "any", as most systems want it.
fn listening(reactor: &Reactor, log: &EventLog, any: &str) -> io::Result<DatagramPort> {
    let options = DatagramOptions::new().listen_multiple(true);
    let opened = reactor.listen_udp_with(any, options, Listener::new(log));
    opened.map_err(|refused| io::Error::other(refused.into_error()))
}

/// Nothing leaves this machine: the way out is the loopback, and no router is passed.
fn sending(reactor: &Reactor) -> io::Result<DatagramPort> {
    let port = listening(reactor, &EventLog::new(), "0.0.0.0:0")?;
    port.transport().set_outgoing_interface(LOOPBACK)?;
    port.transport().set_multicast_ttl(0)?;
    Ok(port)
}

#[test]
fn groups_are_joined_and_left() {
    within(DEADLINE, || {
        let (reactor, logs) = (Reactor::new().unwrap(), [EventLog::new(), EventLog::new()]);
        let begin = || -> io::Result<_> {
            let first = listening(&reactor, &logs[0], "0.0.0.0:0")?;
            let same = first.address().to_string();
            let second = listening(&reactor, &logs[1], &same)?;
            first.transport().join_group(group(), LOOPBACK)?;
            second.transport().join_group(group(), LOOPBACK)?;
            let sender = sending(&reactor)?;
            let to = (group(), first.address().port()).into();
            sender.transport().send_to(b"all", to).map_err(io::Error::other)?;
            Ok((first, second, sender, to))
        };
        let (first, _second, sender, to) = match begin() {
            Ok(ports) => ports,
            Err(error) => return skipped(format_args!("no multicast on the loopback: {error}")),
        };
        turn_until(&reactor, || logs.iter().all(|log| has(log, "data all")));

        let again = first.transport().join_group(group(), LOOPBACK).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AddrInUse, "a group is joined once");
        first.transport().leave_group(group(), LOOPBACK).unwrap();
        assert!(first.transport().leave_group(group(), LOOPBACK).is_err());

        // It is left: the other one still hears.
        sender.transport().send_to(b"again", to).unwrap();
        turn_until(&reactor, || has(&logs[1], "data again"));
        turn_a_little(&reactor);
        assert_eq!(logs[0].take(), ["started", "data all"]);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_group_is_joined_by_the_index_of_the_interface() {
    within(DEADLINE, || {
        // The loopback is the first one there is.
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port = listening(&reactor, &log, "0.0.0.0:0").unwrap();
        match port.transport().join_group(group(), 1) {
            Ok(()) => port.transport().leave_group(group(), 1).unwrap(),
            Err(error) => skipped(format_args!("no multicast on the loopback: {error}")),
        }
        let six = IpAddr::from(Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0x80, 7));
        let begin = || -> io::Result<_> {
            let port = listening(&reactor, &log, "[::]:0")?;
            port.transport().join_group(six, 1)?;
            port.transport().set_outgoing_interface(1)?;
            port.transport().set_multicast_ttl(0)?;
            port.transport().set_ttl(64)?;
            let to = (six, port.address().port()).into();
            port.transport().send_to(b"six", to).map_err(io::Error::other)?;
            Ok(port)
        };
        match begin() {
            Ok(port) => {
                turn_until(&reactor, || has(&log, "data six"));
                assert!(port.transport().loopback_mode().unwrap());
                port.transport().leave_group(six, 1).unwrap();
            }
            Err(error) => skipped(format_args!("no IPv6 multicast on the loopback: {error}")),
        }
    });
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let port = listening(&reactor, &log, "0.0.0.0:0").unwrap();
    let transport = port.transport();
    let six = IpAddr::from(Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0x80, 7));
    for refused in [
        transport.join_group(IpAddr::from(LOOPBACK), MulticastInterface::Any),
        transport.leave_group(IpAddr::from(LOOPBACK), MulticastInterface::Any),
        transport.join_group(six, LOOPBACK),
        transport.set_outgoing_interface(1),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("fit"), "{error}");
    }
    drop(port.stop_listening());
    let error = transport.join_group(group(), LOOPBACK).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
}

#[test]
fn settings_are_remembered() {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    for any in ["0.0.0.0:0", "[::]:0"] {
        let Ok(port) = listening(&reactor, &log, any) else { continue };
        let transport = port.transport();
        assert!(transport.loopback_mode().unwrap());
        transport.set_loopback_mode(false).unwrap();
        assert!(!transport.loopback_mode().unwrap());
        assert_eq!(transport.multicast_ttl().unwrap(), 1);
        transport.set_multicast_ttl(7).unwrap();
        assert_eq!(transport.multicast_ttl().unwrap(), 7);
        transport.set_ttl(9).unwrap();
        assert_eq!(transport.ttl().unwrap(), 9);
        transport.set_outgoing_interface(MulticastInterface::Any).unwrap();
    }
}
