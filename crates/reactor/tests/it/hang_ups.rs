//! Sources that end, break, or cannot be watched, and how their callbacks hear of that.

use crate::fixture::{A_FILE, sockets};
use ropewalk_reactor::{Interest, Reactor, Readiness, Registration};
use ropewalk_testing::{DEADLINE, within};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::pipe::PipeFlags;
use std::cell::RefCell;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

/// A reactor that waits in the shortest way of this system, and one that waits as all can.
fn reactors() -> [Reactor; 2] {
    let portable = Reactor::builder().portable_selector();
    [Reactor::new().unwrap(), portable.build().unwrap()]
}

type Heard = Rc<RefCell<Vec<Readiness>>>;

/// Registers `source`; its callback notes what it is ready for, once, and then rests.
fn hears<S: AsFd + 'static>(
    reactor: &Reactor,
    source: S,
    interest: Interest,
) -> (Rc<RefCell<Option<Registration<S>>>>, Heard) {
    let slot: Rc<RefCell<Option<Registration<S>>>> = Rc::default();
    let (own, heard) = (Rc::clone(&slot), Heard::default());
    let notes = Rc::clone(&heard);
    let callback = move |_: &Reactor, _: &S, ready| {
        notes.borrow_mut().push(ready);
        own.borrow().as_ref().unwrap().set_interest(Interest::NONE).unwrap();
    };
    slot.replace(Some(reactor.register(source, interest, callback).unwrap()));
    (slot, heard)
}

/// Turns until something is heard; then looks whether the source rests, though it has ended.
fn heard(reactor: &Reactor, heard: &Heard) -> Readiness {
    while heard.borrow().is_empty() {
        reactor.turn(None).unwrap();
    }
    let before = reactor.stats();
    for _ in 0..3 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    assert_eq!(reactor.stats().events, before.events, "it rests");
    let heard = heard.take();
    assert_eq!(heard.len(), 1);
    heard[0]
}

#[test]
fn the_end_of_a_stream_is_something_to_read() {
    within(DEADLINE, || {
        for reactor in reactors() {
            let (server, client) = sockets();
            let (slot, events) = hears(&reactor, server, Interest::READABLE);
            // One direction only: that is no hang-up.
            client.shutdown(Shutdown::Write).unwrap();
            let ready = heard(&reactor, &events);
            assert!(ready.readable && !ready.hung_up && !ready.error, "{ready:?} {reactor:?}");
            let slot = slot.borrow();
            let registration = slot.as_ref().unwrap();
            assert_eq!(registration.source().read(&mut [0]).unwrap(), 0);
            // Now the other one.
            registration.source().shutdown(Shutdown::Write).unwrap();
            registration.set_interest(Interest::READABLE).unwrap();
            let ready = heard(&reactor, &events);
            assert!(ready.readable && ready.hung_up && !ready.error, "{ready:?} {reactor:?}");
        }
    });
}

#[test]
fn a_peer_that_is_gone_has_hung_up_and_what_it_sent_can_still_be_read() {
    within(DEADLINE, || {
        for reactor in reactors() {
            for interest in [Interest::READABLE, Interest::READABLE.edge_triggered()] {
                let (near, mut far) = UnixStream::pair().unwrap();
                far.write_all(b"bye").unwrap();
                drop(far);
                let (slot, events) = hears(&reactor, near, interest);
                let ready = heard(&reactor, &events);
                assert!(ready.readable && ready.hung_up && !ready.error, "{ready:?}");
                let slot = slot.borrow();
                let mut near = slot.as_ref().unwrap().source();
                let mut text = String::new();
                near.read_to_string(&mut text).unwrap();
                assert_eq!(text, "bye");
                assert_eq!(near.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
            }
        }
    });
}

/// Whatever it waits for, the error makes it ready; the next read or write has the reason.
#[test]
fn a_connection_that_is_reset_has_an_error() {
    within(DEADLINE, || {
        for reactor in reactors() {
            for interest in
                [Interest::READABLE, Interest::BOTH, Interest::READABLE.edge_triggered()]
            {
                let (server, client) = sockets();
                let at_once = Some(Duration::ZERO);
                rustix::net::sockopt::set_socket_linger(&client, at_once).unwrap();
                drop(client);
                let (slot, events) = hears(&reactor, server, interest);
                let ready = heard(&reactor, &events);
                let is_told = ready.readable && ready.writable && ready.hung_up && ready.error;
                assert!(is_told, "{ready:?} {reactor:?}");
                let slot = slot.borrow();
                let mut server = slot.as_ref().unwrap().source();
                let error = server.read(&mut [0]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                // It is told once; then it is the end of the stream.
                assert_eq!(server.read(&mut [0]).unwrap(), 0);
            }
        }
    });
}

/// An attempt that does not block ends with the source ready for writing, whatever came of it.
#[test]
fn a_refused_connection_is_ready_for_writing_and_has_an_error() {
    within(DEADLINE, || {
        for reactor in reactors() {
            // Nobody listens there, and nobody else gets it meanwhile: a connection has it.
            let (_server, client) = sockets();
            let nobody = client.local_addr().unwrap();
            let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
            let (slot, events) = hears(&reactor, connecting(nobody), Interest::WRITABLE);
            let ready = heard(&reactor, &events);
            assert!(ready.writable && ready.error, "{ready:?} {reactor:?}");
            let error = slot.borrow().as_ref().unwrap().source().take_error().unwrap();
            assert_eq!(error.unwrap().kind(), ErrorKind::ConnectionRefused);

            let other = connecting(somebody.local_addr().unwrap());
            let (slot, events) = hears(&reactor, other, Interest::WRITABLE);
            let ready = heard(&reactor, &events);
            assert!(ready.writable && !ready.error && !ready.hung_up, "{ready:?} {reactor:?}");
            assert!(slot.borrow().as_ref().unwrap().source().take_error().unwrap().is_none());
        }
    });
}

fn connecting(to: SocketAddr) -> TcpStream {
    let flags = SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None);
    let socket = socket.unwrap();
    let attempt = rustix::net::connect(&socket, &to);
    assert!(matches!(attempt, Ok(()) | Err(rustix::io::Errno::INPROGRESS)), "{attempt:?}");
    TcpStream::from(socket)
}

#[test]
fn each_end_of_a_pipe_hears_of_the_end_of_the_other() {
    within(DEADLINE, || {
        for reactor in reactors() {
            let pipe = || {
                let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::NONBLOCK).unwrap();
                (File::from(reader), File::from(writer))
            };
            let (reader, mut writer) = pipe();
            let (slot, events) = hears(&reactor, reader, Interest::READABLE);
            reactor.turn(Some(Duration::ZERO)).unwrap();
            assert!(events.borrow().is_empty());
            writer.write_all(b"last").unwrap();
            drop(writer);
            let ready = heard(&reactor, &events);
            assert!(ready.readable && ready.hung_up, "{ready:?} {reactor:?}");
            let mut text = String::new();
            let registration = slot.take().unwrap();
            registration.source().read_to_string(&mut text).unwrap();
            assert_eq!(text, "last");

            let (reader, writer) = pipe();
            let (slot, events) = hears(&reactor, writer, Interest::WRITABLE);
            heard(&reactor, &events);
            drop(reader);
            slot.borrow().as_ref().unwrap().set_interest(Interest::WRITABLE).unwrap();
            let ready = heard(&reactor, &events);
            assert!(ready.writable && ready.error, "{ready:?} {reactor:?}");
            let mut writer = slot.borrow().as_ref().unwrap().source().try_clone().unwrap();
            assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        }
    });
}

/// Neither end waits for the other inside of a callback.
#[test]
fn both_ends_of_a_connection_may_be_sources_of_one_reactor() {
    within(DEADLINE, || {
        for reactor in reactors() {
            let (one, other) = sockets();
            let rounds = Rc::new(RefCell::new(0));
            let mut kept = Vec::new();
            for end in [one, other] {
                let rounds = Rc::clone(&rounds);
                let callback = move |reactor: &Reactor, mut end: &TcpStream, ready: Readiness| {
                    let mut ball = [0];
                    if !ready.readable || end.read(&mut ball).unwrap() == 0 {
                        return;
                    }
                    *rounds.borrow_mut() += 1;
                    if *rounds.borrow() == 1000 {
                        return reactor.stop();
                    }
                    end.write_all(&ball).unwrap();
                };
                kept.push(reactor.register(end, Interest::READABLE, callback).unwrap());
            }
            kept[0].source().write_all(b"o").unwrap();
            reactor.run().unwrap();
            assert_eq!((*rounds.borrow(), reactor.stats().panics), (1000, 0));
        }
    });
}

/// The hang-up is an event of the next turn, for one that is watched at all.
#[test]
fn i5_the_callback_of_one_end_may_drop_the_other() {
    within(DEADLINE, || {
        for reactor in reactors() {
            let (mut one, other) = UnixStream::pair().unwrap();
            one.write_all(b"x").unwrap();
            let (near, events) = hears(&reactor, one, Interest::READABLE);
            let near_again = Rc::clone(&near);
            let far: Rc<RefCell<Option<Registration<UnixStream>>>> = Rc::default();
            let own = Rc::clone(&far);
            let callback = move |_: &Reactor, _: &UnixStream, _| {
                drop(own.take());
                assert!(near_again.borrow().is_some());
            };
            far.replace(Some(reactor.register(other, Interest::READABLE, callback).unwrap()));
            assert!(heard(&reactor, &events).hung_up, "{reactor:?}");
            assert_eq!((reactor.stats().sources, reactor.stats().panics), (1, 0));
            drop(near.take());
        }
    });
}

/// The system watches neither; the error says what to do instead, and the source comes back.
#[test]
fn i2_files_and_directories_are_refused_with_a_way_out() {
    within(DEADLINE, || {
        for reactor in reactors() {
            for path in [A_FILE, env!("CARGO_MANIFEST_DIR")] {
                for interest in
                    [Interest::READABLE, Interest::BOTH.edge_triggered(), Interest::NONE]
                {
                    let file = File::open(path).unwrap();
                    let error = reactor.register(file, interest, |_, _, _| ()).unwrap_err();
                    assert_eq!(error.io_error().kind(), ErrorKind::PermissionDenied, "{path}");
                    let text = error.to_string();
                    assert!(text.contains("in a thread of the pool"), "{text}");
                    assert!(std::error::Error::source(&error).is_some());
                    let _ = format!("{error:?}");
                    assert!(error.into_inner().metadata().is_ok());
                }
            }
            assert_eq!(reactor.stats().sources, 0);
        }
    });
}

/// A refusal leaves no trace of itself: the next source may have its slot.
#[test]
fn i2_after_a_refusal_all_is_as_before() {
    within(DEADLINE, || {
        for reactor in reactors() {
            let (server, mut client) = sockets();
            let server = Rc::new(server);
            let (first, events) = hears(&reactor, Rc::clone(&server), Interest::READABLE);
            for _ in 0..100 {
                let again = reactor.register(Rc::clone(&server), Interest::READABLE, |_, _, _| ());
                assert_eq!(again.unwrap_err().io_error().kind(), ErrorKind::AlreadyExists);
            }
            // Another number of the same socket is another source.
            let copy = server.try_clone().unwrap();
            let (second, others) = hears(&reactor, copy, Interest::READABLE);
            client.write_all(b"x").unwrap();
            assert!(heard(&reactor, &events).readable && heard(&reactor, &others).readable);
            assert_eq!(reactor.stats().sources, 2);
            drop((first.take(), second.take()));
            assert_eq!(reactor.stats().sources, 0);
        }
    });
}
