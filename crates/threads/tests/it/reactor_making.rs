//! How the reactor of a thread is made: with what settings, and what if it cannot be.

use crate::support::thread_name;
use ropewalk_deferred::Panicked;
use ropewalk_reactor::{Reactor, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{JoinError, ReactorThread, RemoteThreads as _};
use std::io;
use std::time::Duration;

/// One that waits for nobody in its shutdown, with somebody who holds it.
fn held_and_hasty() -> io::Result<Reactor> {
    let reactor = Reactor::builder().shutdown_deadline(Duration::ZERO).build()?;
    let hold = reactor.hold(SystemEvent::Shutdown);
    reactor.call_later(Duration::MAX, move |_| drop(hold));
    Ok(reactor)
}

fn was_held(reactor: ReactorThread) -> bool {
    matches!(reactor.join(), Err(JoinError::Run { error: RunError::ShutdownTimedOut(_), .. }))
}

#[test]
fn the_settings_of_the_builder_are_those_of_the_reactor_however_it_is_spawned() {
    within(DEADLINE, || {
        let builder = || ReactorThread::builder().reactor(held_and_hasty).name("held");
        assert!(was_held(builder().spawn().unwrap()));
        let (reactor, state) = builder()
            .spawn_sharing(|reactor| Ok((reactor.delayed_calls().len(), thread_name())))
            .unwrap();
        let state = state.blocking_call_from_thread(|state, _| Ok(state.as_ref().clone()));
        assert_eq!(state.unwrap(), (1, "held".to_owned()));
        assert!(was_held(reactor));
        // It is a further setting of the same, and the last one counts.
        assert!(was_held(ReactorThread::builder().spawn_with(held_and_hasty).unwrap()));
        assert!(!was_held(builder().spawn_with(Reactor::new).unwrap()));
        assert!(!was_held(builder().reactor(Reactor::new).spawn().unwrap()));
    });
}

#[test]
fn the_error_of_making_the_reactor_comes_back() {
    within(DEADLINE, || {
        let refused = || Err(io::Error::from(io::ErrorKind::OutOfMemory));
        let error = ReactorThread::spawn_with(refused).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        let sharing = ReactorThread::builder().reactor(refused).spawn_sharing(|_| Ok(()));
        assert_eq!(sharing.unwrap_err().kind(), io::ErrorKind::OutOfMemory);
    });
}

#[test]
fn i3_a_panic_of_making_the_reactor_is_an_error_with_its_text_and_the_line() {
    within(DEADLINE, || {
        let (line, made) = (line!(), ReactorThread::spawn_with(|| panic!("no reactor today")));
        let error = made.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Other);
        let panicked = error.get_ref().unwrap().downcast_ref::<Panicked>().unwrap();
        assert_eq!(panicked.message(), "no reactor today");
        assert_eq!((panicked.location().file(), panicked.location().line()), (file!(), line));
        let text = error.to_string();
        assert!(text.contains("no reactor today") && text.contains(file!()), "{text}");

        let make = || -> io::Result<Reactor> { panic!("nor tomorrow") };
        let (line, made) = (line!(), ReactorThread::builder().reactor(make).spawn());
        let text = made.unwrap_err().to_string();
        assert!(text.contains("nor tomorrow"), "{text}");
        assert!(text.contains(&format!("{}:{line}:", file!())), "{text}");
    });
}

#[test]
fn a_name_that_no_thread_can_have_is_refused() {
    let error = ReactorThread::builder().name("a\0b").spawn().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
