//! Reactor threads that would wait for each other for ever: one of them is refused (I4, W1).

use crate::support::{thread_name, unanswered};
use ropewalk_deferred::{Cancelled, TimedOut};
use ropewalk_reactor::{Reactor, ReactorHandle};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{
    Eventual, HandleThreads as _, JoinError, ReactorThread, ReactorThreads as _, Watchdog,
    WatchdogReport, WouldDeadlock,
};
use std::io;
use std::sync::mpsc::channel;
use std::time::Duration;

/// Longer than any test may take.
const LONG: Duration = Duration::from_secs(3600);

fn named(name: &str) -> ReactorThread {
    ReactorThread::builder().name(name).spawn().unwrap()
}

/// Two of them, and a handle of each.
fn two() -> ([ReactorThread; 2], [ReactorHandle; 2]) {
    let threads = ["first", "second"].map(named);
    let handles = threads.each_ref().map(|thread| thread.handle().clone());
    (threads, handles)
}

/// What the refusal says of who waits for whom; fails if it was none.
#[track_caller]
fn circle<T>(refused: ropewalk_deferred::Result<T>) -> String {
    let failure = refused.err().expect("it was answered");
    let refusal = failure.downcast_ref::<WouldDeadlock>().expect("another failure");
    let circle = refusal.circle().expect("a circle of one").to_owned();
    assert!(failure.to_string().contains(&circle) && circle.contains(file!()));
    circle
}

/// Asks each of `handles` in the thread of the one before, and then says what `last` says.
fn ask_in_turn(
    handles: &[ReactorHandle],
    last: impl FnOnce() -> ropewalk_deferred::Result<String> + Send + 'static,
) -> ropewalk_deferred::Result<String> {
    let Some((first, others)) = handles.split_first() else { return last() };
    let others = others.to_vec();
    first.blocking_call_from_thread(move |_| ask_in_turn(&others, last))
}

#[test]
fn i4_two_that_ask_each_other() {
    within(DEADLINE, || {
        let ([first, _second], [a, b]) = two();
        let back = a.clone();
        let answer = ask_in_turn(&[a, b], move || {
            Ok(circle(back.blocking_call_from_thread(|_| Ok("in vain"))))
        });
        let circle = answer.unwrap();
        assert!(circle.starts_with("second for first at "), "{circle}");
        assert!(circle.contains(", first for second at "), "{circle}");
        // Both go on, and the call that was refused is not made later.
        assert_eq!(
            first.handle().blocking_call_from_thread(|_| Ok(thread_name())).unwrap(),
            "first"
        );
    });
}

#[test]
fn i4_a_circle_of_many() {
    within(DEADLINE, || {
        let threads: Vec<_> = (0..5).map(|n| named(&format!("r{n}"))).collect();
        let handles: Vec<_> = threads.iter().map(|thread| thread.handle().clone()).collect();
        let second = handles[1].clone();
        let answer = ask_in_turn(&handles, move || {
            Ok(circle(second.blocking_call_from_thread(|_| Ok("in vain"))))
        });
        let circle = answer.unwrap();
        for pair in ["r4 for r1", "r1 for r2", "r2 for r3", "r3 for r4"] {
            assert!(circle.contains(pair), "{circle}");
        }
        assert!(!circle.contains("r0"), "it is no part of it: {circle}");
    });
}

/// As soon as it is refused nobody has waited in vain, and nothing is left queued.
#[test]
fn i4_a_call_that_is_refused_is_never_made() {
    within(DEADLINE, || {
        let (_threads, [a, b]) = two();
        let (sender, receiver) = channel();
        let back = a.clone();
        let refused = ask_in_turn(&[a.clone(), b], move || {
            let made = move |_: &Reactor| {
                sender.send(()).unwrap();
                Ok(())
            };
            Ok(circle(back.blocking_call_from_thread(made)))
        });
        assert!(refused.is_ok());
        a.blocking_call_from_thread(|_| ()).unwrap();
        assert!(receiver.try_recv().is_err());
    });
}

/// It could only last as long as its limit.
#[test]
fn i4_a_wait_with_a_limit_that_would_close_a_circle_is_refused_at_once() {
    within(DEADLINE, || {
        let (_threads, [a, b]) = two();
        let back = a.clone();
        let answer = ask_in_turn(&[a, b], move || {
            Ok(circle(back.blocking_call_from_thread_timeout(LONG, |_| Ok("in vain"))))
        });
        assert!(answer.is_ok());
    });
}

/// The first gives up after a while, and answers.
#[test]
fn a_circle_in_which_somebody_gives_up_is_none() {
    within(DEADLINE, || {
        let (_threads, [a, b]) = two();
        let (begun, has_begun) = channel();
        let (sender, receiver) = channel();
        let back = a.clone();
        let gave_up = a.blocking_call_from_thread(move |_| {
            let answer = b.eventually(move |_| {
                begun.send(()).unwrap();
                sender.send(back.blocking_call_from_thread(|_| Ok(3))).unwrap();
                Ok(())
            });
            has_begun.recv().unwrap();
            // The second waits for the first, or is about to. If it does, this is refused.
            Ok(match answer.wait_timeout(Duration::from_millis(20)) {
                Ok(refused) => refused.is_err_and(|failure| failure.is::<WouldDeadlock>()),
                Err(_unanswered) => true,
            })
        });
        assert!(gave_up.unwrap());
        assert_eq!(receiver.recv().unwrap().unwrap(), 3);
    });
}

/// As above, but the second asks when the first one is known to wait.
#[test]
fn nobody_is_refused_on_account_of_a_wait_with_a_limit() {
    const LIMIT: Duration = Duration::from_millis(200);
    within(DEADLINE, || {
        let (first, second) = (named("first"), named("second"));
        let (a, b) = (first.handle().clone(), second.handle().clone());
        let (waits, first_waits) = channel();
        let tell = move |report: &WatchdogReport| {
            if report.blocked.iter().any(|one| one.waits_for.is_some()) {
                let _ = waits.send(());
            }
        };
        let watchdog = Watchdog::builder().blocked_after(Duration::from_millis(1));
        let _watchdog = watchdog.on_report(tell).watch(&a).spawn().unwrap();
        let (sender, receiver) = channel();
        let back = a.clone();
        let answer = a.blocking_call_from_thread(move |_| {
            let ask = move |_: &Reactor| {
                // On a machine that is too busy the first may have given up before it is seen.
                let _ = first_waits.recv_timeout(LIMIT);
                sender.send(back.blocking_call_from_thread(|_| Ok(3))).unwrap();
            };
            Ok(b.blocking_call_from_thread_timeout(LIMIT, ask))
        });
        assert!(answer.unwrap().unwrap_err().is::<TimedOut>());
        assert_eq!(receiver.recv().unwrap().unwrap(), 3);
    });
}

/// Who has been answered does not wait any more, also if it has not had the time to say so.
#[test]
fn an_answer_that_has_come_is_no_reason_to_refuse() {
    within(DEADLINE, || {
        let (first, second) = (named("first"), named("second"));
        let (sender, receiver) = channel();
        for _ in 0..500 {
            let (a, b) = (first.handle().clone(), second.handle().clone());
            let (back, sender) = (a.clone(), sender.clone());
            let answer = ask_in_turn(&[a, b], move || {
                Reactor::with_current(|reactor| {
                    reactor.call_soon(move |_| {
                        sender.send(back.blocking_call_from_thread(|_| Ok(3))).unwrap();
                    });
                });
                Ok(String::new())
            });
            answer.unwrap();
            assert_eq!(receiver.recv().unwrap().unwrap(), 3);
        }
    });
}

/// The thread that has made a reactor, and waits before it runs it.
#[test]
fn i4_a_reactor_that_does_not_run_yet() {
    within(DEADLINE, || {
        let unrun = Reactor::new().unwrap();
        let (handle, other) = (unrun.handle(), named("other"));
        let (begun, has_begun) = channel();
        let (sender, receiver) = channel();
        let answer = other.handle().eventually(move |_| {
            begun.send(()).unwrap();
            let asked = handle.blocking_call_from_thread(|_| Ok(3));
            let refused = asked.is_err_and(|failure| failure.is::<WouldDeadlock>());
            sender.send(refused).unwrap();
            Ok(refused)
        });
        has_begun.recv().unwrap();
        // Whoever comes second is refused.
        match answer.wait() {
            Ok(other_was_refused) => assert!(other_was_refused),
            Err(failure) => {
                assert!(failure.is::<WouldDeadlock>());
                drop(unrun);
                assert!(!receiver.recv().unwrap());
            }
        }
    });
}

/// What a worker waits for keeps no reactor from answering.
#[test]
fn a_job_between_two_reactors_is_no_circle() {
    within(DEADLINE, || {
        let ([first, _second], [a, b]) = two();
        let (sender, receiver) = channel();
        first
            .handle()
            .call_in_thread(move || {
                let asked = ask_in_turn(&[b, a], || Ok(thread_name()));
                sender.send(asked).unwrap();
            })
            .unwrap();
        assert_eq!(receiver.recv().unwrap().unwrap(), "first");
    });
}

#[test]
fn i4_a_join_of_who_waits_for_the_thread_that_joins() {
    within(DEADLINE, || {
        let ([_first, second], [a, b]) = two();
        let (begun, has_begun) = channel();
        let (sender, receiver) = channel();
        let joined = a.clone().blocking_call_from_thread(move |_| {
            b.call_from_thread(move |_| {
                begun.send(()).unwrap();
                sender.send(a.blocking_call_from_thread(|_| Ok(3))).unwrap();
            })
            .unwrap();
            has_begun.recv().unwrap();
            Ok(second.join())
        });
        let answered = |receiver: &std::sync::mpsc::Receiver<ropewalk_deferred::Result<i32>>| {
            receiver.recv().unwrap()
        };
        // Whoever comes second is refused.
        match joined.unwrap() {
            Ok(_) => drop(circle(answered(&receiver))),
            Err(JoinError::WouldDeadlock { thread, error }) => {
                assert!(error.circle().is_some_and(|circle| circle.contains("second for first")));
                assert_eq!(answered(&receiver).unwrap(), 3);
                thread.join().unwrap();
            }
            Err(other) => panic!("{other:?}"),
        }
    });
}

/// The reactor that is to be made waits for the one in whose callback it is made.
#[test]
fn i4_a_reactor_thread_that_cannot_come_into_being() {
    within(DEADLINE, || {
        for _ in 0..20 {
            let parent = named("parent");
            let handle = parent.handle().clone();
            let refused = parent.handle().blocking_call_from_thread(move |_| {
                let make = move || {
                    let asked = handle.blocking_call_from_thread(|_| ());
                    asked.map_err(io::Error::other)?;
                    Reactor::new()
                };
                let refused = ReactorThread::spawn_with(make).unwrap_err();
                let inner = refused.into_inner().expect("an error of ours");
                Ok(inner.to_string())
            });
            let text = refused.unwrap();
            assert!(text.contains("in a circle"), "{text}");
            parent.join().unwrap();
        }
    });
}

/// A circle that no note shows: the other does not block, but its answer is to come by a job that
/// waits for the first.
fn wait_in_vain(first: &ReactorThread, second: &ReactorThread) -> Eventual<bool> {
    let (a, b) = (first.handle().clone(), second.handle().clone());
    let (waits, is_waiting) = channel();
    let answer = a.clone().eventually(move |_| {
        let asked = b.blocking_call_from_thread(move |reactor| {
            reactor.defer_to_thread(move || {
                waits.send(()).unwrap();
                a.blocking_call_from_thread(|_| Ok(3))
            })
        });
        Ok(asked.is_err_and(|failure| failure.is::<Cancelled>()))
    });
    is_waiting.recv().unwrap();
    answer
}

#[test]
fn i9_stop_now_ends_the_wait_of_a_callback() {
    within(DEADLINE, || {
        let (first, second) = (named("first"), named("second"));
        let answer = wait_in_vain(&first, &second);
        first.handle().stop_now();
        assert!(answer.wait().unwrap(), "it was given up, and its closure's answer came in time");
        drop(first.join());
        second.join().unwrap();
    });
}

#[test]
fn i9_a_stop_ends_the_wait_of_a_callback_after_the_shutdown_deadline() {
    within(DEADLINE, || {
        let deadline = Duration::from_millis(20);
        let make = move || Reactor::builder().shutdown_deadline(deadline).build();
        let (first, second) = (ReactorThread::spawn_with(make).unwrap(), named("second"));
        let answer = wait_in_vain(&first, &second);
        first.join().unwrap();
        assert!(answer.wait().unwrap());
        second.join().unwrap();
    });
}

/// I9: that it was given up is said also by a wait that had a limit of its own, which has not passed.
#[test]
fn i9_a_limit_that_has_not_passed_is_not_said_to_have() {
    within(DEADLINE, || {
        let (first, second) = (named("first"), named("second"));
        let b = second.handle().clone();
        let (asked, is_asked) = channel();
        let answer = first.handle().eventually(move |_| {
            let never = move |reactor: &Reactor| {
                asked.send(()).unwrap();
                unanswered::<()>(reactor, || ())
            };
            let given_up = b.blocking_call_from_thread_timeout(LONG, never).unwrap_err();
            Ok((given_up.is::<Cancelled>(), given_up.is::<TimedOut>()))
        });
        is_asked.recv().unwrap();
        first.handle().stop_now();
        assert_eq!(answer.wait().unwrap(), (true, false));
        drop(first.join());
        second.join().unwrap();
    });
}

/// A stop shortens a wait, and makes none longer.
#[test]
fn i9_a_limit_holds_also_in_a_reactor_that_is_to_stop() {
    within(DEADLINE, || {
        let make = || Reactor::builder().shutdown_deadline(LONG).build();
        let (first, second) = (ReactorThread::spawn_with(make).unwrap(), named("second"));
        let b = second.handle().clone();
        let late = first.handle().blocking_call_from_thread(move |reactor| {
            reactor.stop();
            let never = |reactor: &Reactor| unanswered::<()>(reactor, || ());
            let late = b.blocking_call_from_thread_timeout(Duration::from_millis(10), never);
            Ok(late.unwrap_err().is::<TimedOut>())
        });
        assert!(late.unwrap());
    });
}

/// An answer that is on its way is waited for.
#[test]
fn a_stop_alone_takes_no_answer_away() {
    within(DEADLINE, || {
        let (first, second) = (named("first"), named("second"));
        let (b, own) = (second.handle().clone(), first.handle().clone());
        let answer = first.handle().eventually(move |_| {
            b.blocking_call_from_thread(move |_| {
                own.stop();
                Ok(3)
            })
        });
        assert_eq!(answer.wait().unwrap(), 3);
        first.join().unwrap();
    });
}
