//! Jobs, calls, wakers and drops that panic (I3).

use crate::log;
use crate::support::{OnDrop, foreign, gated, is_stopped, peek, run_for, taken};
use ropewalk_deferred::{Deferred, Panicked};
use ropewalk_reactor::{Reactor, ReactorStopped};
use ropewalk_testing::{DEADLINE, capture_tracing, within};
use ropewalk_threads::{HandleThreads as _, ReactorThread, ReactorThreads as _};
use std::cell::RefCell;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Wake, Waker};

#[test]
fn i3_a_panic_nobody_waits_for_is_reported_once_with_the_place_of_the_submission() {
    within(DEADLINE, || {
        log::keep();
        let reactor = Reactor::new().unwrap();
        let line = line!() + 1;
        reactor.call_in_thread(|| panic!("nobody waits for this one")).unwrap();
        run_for(&reactor, reactor.defer_to_thread(|| ())).unwrap();
        let lines = log::lines("ERROR", "nobody waits for this one");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(&format!("{}:{line}", file!())), "{lines:?}");
    });
}

#[test]
fn i3_a_panic_somebody_waits_for_is_not_reported() {
    within(DEADLINE, || {
        log::keep();
        let reactor = Reactor::new().unwrap();
        let deferred = reactor.defer_to_thread(|| -> () { panic!("somebody waits for this one") });
        assert!(run_for(&reactor, deferred).unwrap_err().is::<Panicked>());
        let reactor = ReactorThread::spawn().unwrap();
        let call = |_: &Reactor| -> () { panic!("somebody waits for this one") };
        let failure = reactor.handle().blocking_call_from_thread(call).unwrap_err();
        assert!(failure.is::<Panicked>());
        reactor.join().unwrap();
        assert!(log::lines("ERROR", "somebody waits for this one").is_empty());
    });
}

#[test]
fn i3_after_a_panic_workers_and_reactor_live_on() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.suggest_thread_pool_size(1).unwrap();
        let places: Vec<_> = (0..10)
            .map(|n| {
                peek(reactor.defer_to_thread(move || {
                    assert!(n % 2 == 0, "odd");
                    Ok(n)
                }))
            })
            .collect();
        reactor.stop();
        reactor.run().unwrap();
        let results: Vec<_> = places.iter().map(|place| taken(place).ok()).collect();
        let even: Vec<_> = (0..10).map(|n| (n % 2 == 0).then_some(n)).collect();
        assert_eq!(results, even);
    });
}

#[test]
fn i3_a_payload_that_is_no_text_and_panics_when_dropped_is_contained() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let deferred = reactor.defer_to_thread(|| -> () {
            std::panic::panic_any(OnDrop::new(|| panic!("in the drop of a payload")));
        });
        assert!(run_for(&reactor, deferred).unwrap_err().is::<Panicked>());
    });
}

struct Grumpy;

impl Wake for Grumpy {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

/// Two at once, at the end of a run, where one panic would meet the other. Each is reported with the
/// line that asked.
#[test]
fn i3_wakers_that_panic_are_contained() {
    within(DEADLINE, || {
        log::keep();
        let reactor = Reactor::new().unwrap();
        let place = peek(reactor.defer_to_thread(|| Ok(3)));
        let waker = Waker::from(Arc::new(Grumpy));
        let line = line!() + 3;
        let mut answers: Vec<_> = (0..3)
            .map(|n| {
                reactor.handle().eventually(move |reactor| {
                    let (promise, deferred) = Deferred::<u32>::new();
                    reactor.local::<RefCell<Vec<_>>>().borrow_mut().push(promise);
                    if n == 0 { Deferred::succeed(n) } else { deferred }
                })
            })
            .collect();
        for answer in &mut answers {
            assert!(Pin::new(answer).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        reactor.call_when_running(|reactor| reactor.call_soon(|reactor| reactor.stop()));
        reactor.run().unwrap();
        assert_eq!(taken(&place).unwrap(), 3);
        let mut answers = answers.into_iter().map(|answer| answer.try_take().unwrap());
        assert_eq!(answers.next().unwrap().unwrap(), 0);
        assert!(answers.all(|answer| answer.unwrap_err().is::<ReactorStopped>()));
        assert_eq!(reactor.stats().panics, 0, "they are not the panics of a call");
        let lines = log::lines("ERROR", "a waker that panics");
        assert_eq!(lines.len(), 3, "{lines:?}");
        let place = format!("{}:{line}", file!());
        assert!(lines.iter().all(|told| told.contains(&place)), "{lines:?}");
    });
}

#[test]
fn i3_a_result_that_panics_when_dropped_harms_nobody() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (gate, wait) = gated();
        let deferred = reactor.defer_to_thread(move || {
            wait();
            Ok(OnDrop::new(|| panic!("in the drop of a late result")))
        });
        let canceller = deferred.canceller();
        let place = peek(deferred.map(|_| ()));
        reactor.call_when_running(move |reactor| {
            gate.started.recv().unwrap();
            canceller.cancel();
            drop(gate);
            reactor.stop();
        });
        let other = peek(reactor.defer_to_thread(|| Ok(3)));
        reactor.run().unwrap();
        assert!(taken(&place).is_err());
        assert_eq!(taken(&other).unwrap(), 3);
    });
}

#[test]
fn i3_a_late_result_that_panics_when_dropped_is_reported_with_the_line_of_its_job() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.start_running().unwrap();
        let (gate, wait) = gated();
        let line = line!() + 1;
        let deferred = reactor.defer_to_thread(move || {
            wait();
            Ok(OnDrop::new(|| panic!("in the drop of a late result")))
        });
        gate.started.recv().unwrap();
        deferred.cancel();
        drop((gate, deferred));
        let events = capture_tracing(|| {
            while reactor.stats().panics == 0 {
                reactor.turn(None).unwrap();
            }
        });
        let place = events.iter().find_map(|event| event.field("location")).unwrap();
        assert!(place.starts_with(&format!("{}:{line}:", file!())), "{place}");
    });
}

#[test]
fn i3_a_call_whose_capture_panics_when_dropped_still_answers() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (sender, receiver) = channel();
        let waiting = foreign(move || {
            let captured = OnDrop::new(|| panic!("in the drop of a call"));
            let answer = handle.eventually(move |_| drop(captured));
            sender.send(()).unwrap();
            answer.wait().unwrap_err()
        });
        receiver.recv().unwrap();
        reactor.stop();
        reactor.run().unwrap();
        assert!(waiting.join().unwrap().is::<Panicked>());
    });
}

/// As what a pool refuses: whoever asked for it has a `Deferred` that says so.
#[test]
fn i3_a_job_that_a_stopped_reactor_refuses_may_panic_as_it_is_dropped() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.stop();
        reactor.run().unwrap();
        let last_word = OnDrop::new(|| panic!("dropped"));
        let refused = peek(reactor.defer_to_thread(move || drop(last_word)));
        assert!(is_stopped(&refused));
    });
}
