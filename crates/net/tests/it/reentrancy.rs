//! Any callback may call any method, and is not called from inside of one (I5).

use crate::fixture::{Probe, count, has, own_address, pair, thread, turn_a_little, turn_until};
use ropewalk_net::{ListeningPort, Producer, Protocol, ReactorNet as _, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::cell::{Cell, RefCell};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;

type Action = fn(&Transport);

const ACTIONS: &[(&str, Action)] = &[
    ("write", |transport| {
        transport.write(b"more");
    }),
    ("write much", |transport| {
        transport.write(&[0; 1_000_000]);
    }),
    ("write much that is owned", |transport| {
        transport.write_owned_sequence([vec![0; 1_000_000], vec![1; 1_000_000]]);
    }),
    ("write too much", |transport| {
        transport.set_max_buffered(0);
        transport.write(&vec![0; 10_000_000]);
    }),
    ("lose", Transport::lose_connection),
    ("lose the half that writes", Transport::lose_write_connection),
    ("abort", Transport::abort_connection),
    ("abort twice", |transport| {
        transport.abort_connection();
        transport.abort_connection();
    }),
    ("lose, half by half, then abort", |transport| {
        transport.lose_write_connection();
        transport.lose_connection();
        transport.abort_connection();
    }),
    ("pause", Transport::pause_producing),
    ("pause and resume", |transport| {
        transport.pause_producing();
        transport.resume_producing();
    }),
    ("stop producing", Transport::stop_producing),
    ("register itself", |transport| {
        let _ = transport.register_producer(transport.clone());
        transport.write(&[0; 1_000_000]);
    }),
    ("register a producer that is idle, and lose", |transport| {
        let _ = transport.register_producer(Idle);
        transport.lose_connection();
    }),
    ("register one that pulls, and unregister", |transport| {
        let _ = transport.register_pull_producer(Idle);
        transport.unregister_producer();
    }),
    ("move the marks", |transport| transport.set_write_limits(1, 1_000_000)),
    ("wait for the sending", |transport| {
        let again = transport.clone();
        let write = move |()| {
            again.write(b"flushed");
        };
        transport.flushed().map(write).add_errback(|_| ()).detach();
    }),
    ("drop a clone", |transport| drop(transport.clone())),
];

const METHODS: [&str; 8] =
    ["made", "data", "drained", "resumed", "peer done", "write done", "lost", "producer"];

struct Idle;

impl Producer for Idle {
    fn resume_producing(&mut self, _: &Transport) {}
}

/// Acts whatever it is told, and writes so much that it is told everything.
struct Busy<F>(F, EventLog);

impl<F: FnMut(&Transport) + 'static> Producer for Busy<F> {
    fn resume_producing(&mut self, transport: &Transport) {
        self.1.add("producer");
        transport.write(&[0; 1_000_000]);
        (self.0)(transport);
    }
    fn pause_producing(&mut self, transport: &Transport) {
        self.1.add("producer");
        (self.0)(transport);
    }
    fn stop_producing(&mut self, transport: &Transport) {
        (self.0)(transport);
    }
}

/// A probe that acts in one method, and complains if it is called while it is.
fn acting(log: &EventLog, method: &str, action: Action) -> Probe {
    let inside = Rc::new(Cell::new(false));
    let guarded = move |transport: &Transport| {
        assert!(!inside.replace(true), "called from inside of itself");
        action(transport);
        inside.set(false);
    };
    let fill = |transport: &Transport| while !transport.write(&[0; 65_536]).is_high() {};
    let probe = Probe::new(log);
    match method {
        "made" => probe.made(guarded),
        "data" => probe.data(move |transport, _| guarded(transport)),
        "drained" => probe.made(fill).drained(guarded),
        "resumed" => probe
            .made(|transport| {
                transport.pause_producing();
                transport.resume_producing();
            })
            .resumed(guarded),
        "peer done" => probe.peer_done(guarded),
        "write done" => probe.made(Transport::lose_write_connection).write_done(guarded),
        "producer" => {
            let (mut push, log) = (Some(guarded), log.clone());
            probe.made(move |transport| {
                fill(transport);
                let busy = Busy(push.take().unwrap(), log.clone());
                assert!(transport.register_producer(busy).is_ok());
            })
        }
        _ => probe.lost(move |transport, _| guarded(transport)),
    }
}

#[test]
fn i5_every_method_may_do_everything() {
    within(3 * DEADLINE, || {
        for method in METHODS {
            for (name, action) in ACTIONS {
                let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
                let pair = pair(&reactor, acting(&log, method, *action));
                let mut peer = pair.peer;
                let is_done = method == "peer done";
                let reader = thread(move || {
                    // Its end may be a reset, and the writing may come too late.
                    let _ = peer.write_all(b"x");
                    if is_done {
                        let _ = peer.shutdown(Shutdown::Write);
                    }
                    let mut buffer = [0; 65_536];
                    while peer.read(&mut buffer).is_ok_and(|count| count > 0) {}
                });
                turn_until(&reactor, || {
                    count(&log, method) > 0 || method == "lost" || count(&log, "lost") > 0
                });
                turn_a_little(&reactor);
                // Whatever was done, it ends, and once.
                pair.transport.resume_producing();
                pair.transport.unregister_producer();
                pair.transport.lose_connection();
                turn_until(&reactor, || count(&log, "lost") > 0);
                turn_a_little(&reactor);
                assert_eq!(count(&log, "lost"), 1, "{name} in {method}");
                assert_eq!(reactor.stats().panics, 0, "{name} in {method}");
                drop(pair.port);
                drop(pair.transport);
                reader.join().unwrap();
            }
        }
    });
}

#[test]
fn i5_the_port_may_be_dropped_by_its_own_factory() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let slot = Rc::new(RefCell::new(None::<ListeningPort>));
        let (own, seen) = (Rc::clone(&slot), log.clone());
        let port = reactor
            .listen_tcp(own_address(), move |_| {
                drop(own.take());
                Probe::new(&seen).echo()
            })
            .unwrap();
        let address = port.address();
        slot.replace(Some(port));
        let mut peer = TcpStream::connect(address).unwrap();
        turn_until(&reactor, || has(&log, "made"));
        assert!(TcpStream::connect(address).is_err());
        peer.write_all(b"still served").unwrap();
        turn_until(&reactor, || has(&log, "data still served"));
        assert_eq!(reactor.stats().sources, 1);
    });
}

#[test]
fn i5_a_protocol_may_be_dropped_with_its_own_transport_inside() {
    struct Holder {
        transport: Option<Transport>,
        _counted: Rc<()>,
    }
    impl Protocol for Holder {
        fn connection_made(&mut self, transport: &Transport) {
            self.transport = Some(transport.clone());
        }
        fn data_received(&mut self, transport: &Transport, _: &[u8]) {
            transport.lose_connection();
        }
    }
    impl Drop for Holder {
        fn drop(&mut self) {
            // A destructor is user code too.
            if let Some(transport) = &self.transport {
                transport.write(b"from beyond");
                transport.abort_connection();
            }
        }
    }
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let payload = Rc::new(());
        let given = Rc::clone(&payload);
        let port = reactor
            .listen_tcp("127.0.0.1:0", move |_| Holder {
                transport: None,
                _counted: Rc::clone(&given),
            })
            .unwrap();
        let mut peer = TcpStream::connect(port.address()).unwrap();
        peer.write_all(b"x").unwrap();
        turn_until(&reactor, || Rc::strong_count(&payload) == 3);
        turn_until(&reactor, || Rc::strong_count(&payload) == 2);
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn i5_one_connection_may_end_another_in_the_same_turn() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let chosen = Rc::new(RefCell::new(None::<Transport>));
        let target = Rc::clone(&chosen);
        let killer = Probe::new(&EventLog::new()).data(move |_, _| {
            if let Some(transport) = target.take() {
                transport.abort_connection();
            }
        });
        let mut first = pair(&reactor, killer);
        let mut second = pair(&reactor, Probe::new(&log));
        chosen.replace(Some(second.transport.clone()));
        // Both are ready in one turn; the first ends the second before its data is read.
        first.peer.write_all(b"kill").unwrap();
        second.peer.write_all(b"too late?").unwrap();
        turn_until(&reactor, || has(&log, "lost aborted"));
        turn_a_little(&reactor);
        assert_eq!(count(&log, "lost"), 1);
    });
}
