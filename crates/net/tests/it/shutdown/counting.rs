//! What the report of a run says of the connections that a stop has ended.

use crate::fixture::{Probe, pair, result_of, turn_a_little};
use futures_lite::AsyncWriteExt as _;
use ropewalk_net::{NetReport, TcpStream, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask as _;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::cell::RefCell;
use std::net::TcpListener;
use std::rc::Rc;

const UNSENT: usize = 20 << 20;

/// What a stop that waits for nobody says.
fn stopped(reactor: &Reactor) -> NetReport {
    reactor.stop_now();
    // Whether that is an error is told elsewhere.
    let _ = reactor.run();
    NetReport::of(&reactor.run_report())
}

/// What it wants to write is not written yet.
#[test]
fn w18_a_task_that_waits_to_write_has_nothing_unsent() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let connecting = TcpStream::connect(&reactor, "127.0.0.1", port);
        let mut stream = result_of(&reactor, connecting).unwrap();
        let _peer = server.accept().unwrap();
        let kept = stream.clone();
        let write = async move { Ok(stream.write_all(&vec![0; UNSENT]).await?) };
        reactor.spawn(write).add_errback(|_| ()).detach();
        turn_a_little(&reactor);
        let report = stopped(&reactor);
        assert_eq!((report.closed(), report.aborted(), report.unsent()), (0, 1, 0));
        drop(kept);
    });
}

/// The one tells the other, as a proxy does.
#[test]
fn w18_one_that_is_aborted_by_the_end_of_another_is_counted() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let other = Rc::new(RefCell::new(None::<Transport>));
        let told = Rc::clone(&other);
        let first = pair(
            &reactor,
            Probe::new(&log).lost(move |_, _| {
                told.take().inspect(Transport::abort_connection);
            }),
        );
        let second = pair(&reactor, Probe::new(&log));
        second.transport.write_owned(vec![0; UNSENT]);
        other.replace(Some(second.transport.clone()));
        let unsent = second.transport.buffered();
        let report = stopped(&reactor);
        assert_eq!((report.closed(), report.aborted(), report.unsent()), (1, 1, unsent));
        assert_eq!(log.take(), ["made", "made", "lost done", "lost aborted"]);
        drop((first, second));
    });
}
