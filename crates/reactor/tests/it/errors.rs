//! What errors say, and how they fit into the errors of a program.

use crate::fixture::{A_FILE, Drops, OnDrop, run_briefly, sockets};
use ropewalk_reactor::{
    Interest, Reactor, ReactorHandle, ReactorStopped, RegisterError, Registration, RunError,
    SystemEvent,
};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

type Boxed = Box<dyn Error + Send + Sync>;

/// A cell is not `Sync`, and so neither is the closure.
fn call_with_a_cell(drops: &Drops) -> impl FnOnce(&Reactor) + Send + use<> {
    let (cell, payload) = (Cell::new(0), drops.payload());
    move |_| {
        cell.set(1);
        drop(payload);
    }
}

fn hand_over(handle: &ReactorHandle, drops: &Drops) -> Result<(), Boxed> {
    Ok(handle.call_from_thread(call_with_a_cell(drops)).map_err(ReactorStopped::without_call)?)
}

fn hand_over_whole(handle: &ReactorHandle, drops: &Drops) -> Result<(), Boxed> {
    Ok(handle.call_from_thread(call_with_a_cell(drops))?)
}

#[test]
fn a_refused_call_fits_into_any_boxed_error_with_its_closure() {
    let reactor = Reactor::new().unwrap();
    let (handle, drops) = (reactor.handle(), Drops::default());
    drop(reactor);
    let error = hand_over_whole(&handle, &drops).unwrap_err();
    assert_eq!(error.to_string(), ReactorStopped::new().to_string());
    assert_eq!(drops.count(), 0);
    drop(error);
    assert_eq!(drops.count(), 1);
}

#[test]
fn a_refused_call_without_its_closure_can_be_named() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let drops = Drops::default();
        hand_over(&reactor.handle(), &drops).unwrap();
        run_briefly(&reactor);
        assert_eq!(drops.count(), 1);
        let error = hand_over(&reactor.handle(), &drops).unwrap_err();
        assert_eq!(drops.count(), 2, "the closure has gone, the error has not");
        assert!(error.is::<ReactorStopped>());
        assert_eq!(error.to_string(), ReactorStopped::new().to_string());
    });
}

/// Each cause finds in the text what to do instead.
#[test]
fn a_reactor_that_runs_already_says_so_to_run_turn_and_start_running() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let refused: Rc<RefCell<Vec<_>>> = Rc::default();
        let refuses = Rc::clone(&refused);
        reactor.start_running().unwrap();
        refused.borrow_mut().push(("start_running", reactor.start_running()));
        reactor.call_soon(move |reactor| {
            let mut refused = refuses.borrow_mut();
            refused.push(("run", reactor.run().map(drop)));
            refused.push(("turn", reactor.turn(Some(Duration::ZERO))));
            refused.push(("start_running", reactor.start_running()));
        });
        run_briefly(&reactor);
        let refused = refused.take();
        assert_eq!(refused.len(), 4);
        for (call, result) in refused {
            let error = result.unwrap_err();
            assert!(matches!(error, RunError::AlreadyRunning), "{call}: {error:?}");
            assert!(error.to_string().contains(&format!(" {call} ")), "{call}: {error}");
        }
    });
}

type Watching = Registration<Rc<TcpStream>>;

fn watch(reactor: &Reactor, socket: &Rc<TcpStream>) -> io::Result<Watching> {
    Ok(reactor.register(Rc::clone(socket), Interest::READABLE, |_, _, _| ())?)
}

/// The source is neither `Send` nor `Sync`, the error must be.
fn watch_boxed(reactor: &Reactor, socket: &Rc<TcpStream>) -> Result<Watching, Boxed> {
    let callback = |_: &Reactor, _: &Rc<TcpStream>, _| ();
    let registered = reactor.register(Rc::clone(socket), Interest::READABLE, callback);
    Ok(registered.map_err(io::Error::from)?)
}

#[test]
fn a_source_that_is_watched_already_is_told_what_to_do_next_also_through_io_errors() {
    let reactor = Reactor::new().unwrap();
    let (server, _client) = sockets();
    let server = Rc::new(server);
    let registration = watch(&reactor, &server).unwrap();
    let held = Rc::strong_count(&server);
    let error = watch(&reactor, &server).unwrap_err();
    let boxed = watch_boxed(&reactor, &server).unwrap_err();
    assert_eq!(boxed.to_string(), error.to_string());
    assert_eq!(Rc::strong_count(&server), held, "the source is dropped");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("set_interest"), "{error}");
    let reason = error.get_ref().unwrap();
    assert!(reason.is::<RegisterError<()>>());
    // Nothing is said twice: the words of the system are the source's alone.
    let system = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert!(system.raw_os_error().is_some());
    assert!(!error.to_string().contains(&system.to_string()), "{error}");
    // The text is true.
    registration.set_interest(Interest::NONE).unwrap();
    let copy = Rc::new(server.try_clone().unwrap());
    drop(watch(&reactor, &copy).unwrap());
    drop(registration);
    drop(watch(&reactor, &server).unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn i2_the_parts_of_a_refusal_are_the_source_and_what_the_system_said() {
    let reactor = Reactor::new().unwrap();
    let dropped = Rc::new(Cell::new(false));
    let drops = Rc::clone(&dropped);
    let source = Rc::new(File::open(A_FILE).unwrap());
    let payload = OnDrop(move || drops.set(true));
    let callback = move |_: &Reactor, _: &Rc<File>, _| {
        let _ = &payload;
    };
    let refused = reactor.register(Rc::clone(&source), Interest::READABLE, callback).unwrap_err();
    assert!(dropped.get());
    let (back, error) = refused.into_parts();
    assert!(Rc::ptr_eq(&back, &source));
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.raw_os_error().is_some());
}

#[test]
fn a_hold_that_has_a_name_is_told_by_it_and_by_its_line() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(Duration::ZERO).build().unwrap();
        let (line, named) = (line!(), reactor.hold_named(SystemEvent::Shutdown, "upload"));
        let nameless = reactor.hold(SystemEvent::Shutdown);
        reactor.stop();
        let error = reactor.run().unwrap_err();
        let place = format!("upload, held at {}:{line}:", file!());
        assert!(error.to_string().contains(&place), "{error}");
        let RunError::ShutdownTimedOut(stuck) = error else { panic!("{error}") };
        let names: Vec<_> = stuck.iter().map(|stuck| stuck.name.as_deref()).collect();
        assert_eq!(names, [Some("upload"), None]);
        assert!(stuck[1].to_string().starts_with("held at"), "{}", stuck[1]);
        drop((named, nameless));
    });
}
