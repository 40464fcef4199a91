//! Each accepted call has its outcome at every kind of end; a refused one comes back (I2).

use crate::fixture::{Drops, Log, OnDrop, foreign, run_briefly, sockets};
use ropewalk_reactor::{
    Interest, PanicPolicy, Phase, Reactor, ReactorHandle, RunError, RunReport, SystemEvent,
};
use ropewalk_testing::{DEADLINE, within};
use std::cell::RefCell;
use std::error::Error as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvError, channel};
use std::time::Duration;

type Owner = Rc<RefCell<Option<Reactor>>>;

/// How a run ends, and whether the calls that wait then still run.
#[derive(Clone, Copy, Debug)]
enum End {
    Stop,
    StopNow,
    Panic,
    Crash,
    Drop,
}

impl End {
    const ALL: [Self; 5] = [Self::Stop, Self::StopNow, Self::Panic, Self::Crash, Self::Drop];

    fn come(self, reactor: &Reactor, owner: &Owner) {
        match self {
            Self::Stop => reactor.stop(),
            Self::StopNow => reactor.stop_now(),
            Self::Panic => panic!("on purpose"),
            Self::Crash => reactor.crash(),
            Self::Drop => {
                let owner = owner.take();
                drop(owner);
            }
        }
    }

    fn is_orderly(self) -> bool {
        matches!(self, Self::Stop | Self::StopNow | Self::Panic)
    }
}

/// One call at a time, so that some calls always wait when the end comes.
fn owner() -> Owner {
    let builder = Reactor::builder().budget(NonZeroUsize::MIN).panic_policy(PanicPolicy::Stop);
    Rc::new(RefCell::new(Some(builder.build().unwrap())))
}

/// Runs the reactor without keeping its owner borrowed.
fn run(owner: &Owner) -> Result<RunReport, RunError> {
    let weak = owner.borrow().as_ref().unwrap().downgrade();
    weak.with(Reactor::run).unwrap()
}

/// Hands in a call, as one who waits for its answer.
fn ask(handle: &ReactorHandle, number: u32) -> Receiver<u32> {
    let (sent, answer) = channel();
    handle.call_from_thread(move |_| sent.send(number).unwrap()).unwrap();
    answer
}

/// From a callback of each kind, with three calls that wait; each of those who wait for an answer
/// gets it or learns that it will not come, and none is left.
#[test]
fn i2_each_accepted_call_has_its_outcome_at_each_kind_of_end() {
    type Callback = Box<dyn FnOnce(&Reactor)>;
    type Schedule = fn(&Reactor, Callback);
    let kinds: [Schedule; 5] = [
        |reactor, f| drop(reactor.call_later(Duration::ZERO, f)),
        |reactor, f| reactor.call_soon(f),
        |reactor, f| {
            let remote = reactor.share(RefCell::new(Some(f)));
            let call = |f: &Rc<RefCell<Option<Callback>>>, reactor: &Reactor| {
                let f = f.take().unwrap();
                f(reactor);
            };
            remote.call_from_thread(call).unwrap();
        },
        |reactor, f| {
            reactor.add_system_event_trigger(Phase::After, SystemEvent::Startup, f);
        },
        |reactor, f| {
            let (server, mut client) = sockets();
            client.write_all(b"x").unwrap();
            let mut f = Some(f);
            let callback = move |reactor: &Reactor, _: &TcpStream, _| {
                let _ = &client;
                f.take().into_iter().for_each(|f| f(reactor));
            };
            let kept = reactor.register(server, Interest::READABLE, callback).unwrap();
            reactor.local::<RefCell<Vec<_>>>().borrow_mut().push(kept);
        },
    ];
    within(DEADLINE, || {
        for end in End::ALL {
            for (kind, schedule) in kinds.into_iter().enumerate() {
                let owner = owner();
                let handle = owner.borrow().as_ref().unwrap().handle();
                let answers: Rc<RefCell<Vec<_>>> = Rc::default();
                let (asked, own) = (Rc::clone(&answers), Rc::clone(&owner));
                let ends = Box::new(move |reactor: &Reactor| {
                    for number in 0..3 {
                        asked.borrow_mut().push(ask(&reactor.handle(), number));
                    }
                    end.come(reactor, &own);
                });
                schedule(owner.borrow().as_ref().unwrap(), ends);
                let ended = run(&owner);
                let is_panic = matches!(ended, Err(RunError::Panicked { .. }));
                assert_eq!(is_panic, matches!(end, End::Panic), "{end:?} in kind {kind}");
                handle.call_from_thread(|_| ()).unwrap_err();
                let answers = answers.take();
                let answers: Vec<_> = answers.iter().map(Receiver::recv).collect();
                // One call may run in the rest of the turn that crashes, one that drops runs none.
                let most = [3, usize::from(matches!(end, End::Crash))];
                let ran = answers.iter().flatten().count();
                assert!(ran <= most[usize::from(!end.is_orderly())], "{end:?} in kind {kind}");
                assert_eq!(ran == 3, end.is_orderly(), "{end:?} in kind {kind}: {answers:?}");
                let in_order: Vec<_> = answers.iter().flatten().copied().collect();
                assert!(in_order.is_sorted(), "{answers:?}");
            }
        }
    });
}

/// The owner is not inside of its run, but calls wait.
#[test]
fn i2_who_waits_for_a_call_learns_of_the_drop_of_its_reactor() {
    within(DEADLINE, || {
        let (reactor, outer) = (Reactor::new().unwrap(), Reactor::new().unwrap());
        let early = ask(&reactor.handle(), 1);
        drop(reactor);
        assert_eq!(early.recv(), Err(RecvError));
        // By a callback of another reactor, while a thread of its own waits.
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (asked, is_asked) = channel();
        let waiter = foreign(move || {
            let answer = ask(&handle, 1);
            asked.send(()).unwrap();
            answer.recv()
        });
        is_asked.recv().unwrap();
        outer.call_soon(move |outer| {
            drop(reactor);
            outer.stop();
        });
        outer.run().unwrap();
        assert_eq!(waiter.join().unwrap(), Err(RecvError));
    });
}

#[test]
fn i2_i8_a_stop_runs_all_that_was_accepted_before_run_returns_in_order() {
    within(DEADLINE, || {
        for stop in [Reactor::stop, Reactor::stop_now] {
            let reactor = Reactor::builder().budget(NonZeroUsize::MIN).build().unwrap();
            let (ran, order) = channel();
            reactor.handle().call_from_thread(stop).unwrap();
            for number in 0..1000 {
                let ran = ran.clone();
                reactor.handle().call_from_thread(move |_| ran.send(number).unwrap()).unwrap();
            }
            reactor.run().unwrap();
            assert!(order.try_iter().eq(0..1000));
        }
    });
}

/// In each phase of the end: as long as the gate is open a call is accepted, and so it runs.
#[test]
fn i2_a_call_of_the_end_phase_is_refused() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sent, answers) = channel();
        for event in [SystemEvent::Shutdown, SystemEvent::End] {
            for phase in [Phase::Before, Phase::During, Phase::After] {
                let sent = sent.clone();
                reactor.add_system_event_trigger(phase, event, move |reactor| {
                    let ran = sent.clone();
                    let call = reactor.handle().call_from_thread(move |_| ran.send("ran").unwrap());
                    sent.send(if call.is_ok() { "accepted" } else { "refused" }).unwrap();
                });
            }
        }
        run_briefly(&reactor);
        let answers: Vec<_> = answers.try_iter().collect();
        let count = |word| answers.iter().filter(|one| **one == word).count();
        assert_eq!([count("accepted"), count("ran"), count("refused")], [3, 3, 3], "{answers:?}");
    });
}

#[test]
fn i2_a_refused_call_is_as_good_as_new_for_another_reactor() {
    within(DEADLINE, || {
        let (one, other) = (Reactor::new().unwrap(), Reactor::new().unwrap());
        run_briefly(&one);
        let (sent, answer) = channel();
        let drops = Drops::default();
        let payload = drops.payload();
        let call = move |reactor: &Reactor| {
            sent.send(reactor.handle()).unwrap();
            drop(payload);
        };
        let refused = one.handle().call_from_thread(call).unwrap_err();
        assert!(refused.to_string().contains("accept_calls") && refused.source().is_none());
        assert_eq!(format!("{refused:?}"), "ReactorStopped(..)");
        let call = refused.into_inner();
        let refused = one.handle().call_from_thread(call).unwrap_err();
        other.handle().call_from_thread(refused.into_inner()).unwrap();
        assert_eq!(drops.count(), 0);
        run_briefly(&other);
        assert!(answer.recv().unwrap().same_reactor(&other.handle()));
        assert_eq!(drops.count(), 1);
    });
}

/// A call that is dropped unrun has its last words: they are refused, or run, as any other.
#[test]
fn i2_i5_the_drop_of_a_call_may_call() {
    within(DEADLINE, || {
        for end in End::ALL {
            let owner = owner();
            let handle = owner.borrow().as_ref().unwrap().handle();
            let (said, words) = channel();
            let (again, own) = (handle.clone(), Rc::clone(&owner));
            owner.borrow().as_ref().unwrap().call_soon(move |reactor| {
                let guard = OnDrop(move || {
                    let ran = said.clone();
                    let call = again.call_from_thread(move |_| ran.send("ran").unwrap());
                    said.send(if call.is_ok() { "accepted" } else { "refused" }).unwrap();
                });
                reactor.handle().call_from_thread(move |_| drop(guard)).unwrap();
                end.come(reactor, &own);
            });
            drop(run(&owner));
            let words: Vec<_> = words.iter().collect();
            // A stop now makes no more turns; what is left runs when the gate is closed.
            let is_open = end.is_orderly() && !matches!(end, End::StopNow);
            let expected: &[&str] = if is_open { &["accepted", "ran"] } else { &["refused"] };
            assert_eq!(words, expected, "{end:?}");
        }
    });
}

/// The statics of a thread go when most of the thread is gone.
#[test]
fn i2_a_call_from_the_destructor_of_a_threads_static_runs() {
    struct Last(ReactorHandle);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.call_from_thread(Reactor::stop).unwrap();
        }
    }
    thread_local!(static LAST: RefCell<Option<Last>> = const { RefCell::new(None) });
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let thread = foreign(move || LAST.set(Some(Last(handle))));
        reactor.run().unwrap();
        thread.join().unwrap();
    });
}

/// On the thread of the reactor itself, which is dropped before that or with it.
#[test]
fn i2_the_destructor_of_a_static_of_the_reactors_own_thread_is_refused() {
    struct Last(Option<ReactorHandle>, std::sync::mpsc::Sender<bool>);
    impl Drop for Last {
        fn drop(&mut self) {
            let refused =
                self.0.take().is_some_and(|handle| handle.call_from_thread(|_| ()).is_err());
            self.1.send(refused && Reactor::with_current(|_| ()).is_none()).unwrap();
        }
    }
    thread_local!(static KEPT: RefCell<Vec<Box<dyn std::any::Any>>> = const { RefCell::new(Vec::new()) });
    within(DEADLINE, || {
        let (sent, answers) = channel();
        let thread = foreign(move || {
            let reactor = Reactor::new().unwrap();
            run_briefly(&reactor);
            let last = Last(Some(reactor.handle()), sent);
            reactor.call_soon(|_| ());
            KEPT.with_borrow_mut(|kept| kept.extend([Box::new(reactor) as _, Box::new(last) as _]));
        });
        thread.join().unwrap();
        assert_eq!(answers.iter().collect::<Vec<_>>(), [true]);
    });
}

/// Nothing of a closure is lost on its way, whatever its size and its alignment; dropped unrun it
/// is dropped once.
#[test]
fn i2_i8_closures_of_all_sizes_and_alignments_arrive_whole() {
    #[derive(Clone, Copy)]
    #[repr(align(64))]
    struct Aligned([u8; 65]);
    within(DEADLINE, || {
        for crashes in [false, true] {
            let reactor = Reactor::builder().budget(NonZeroUsize::MAX).build().unwrap();
            let (handle, drops) = (reactor.handle(), Drops::default());
            let (ran, order) = channel();
            if crashes {
                // The calls come while the turn runs that crashes.
                let inner = drops.clone();
                let handle = handle.clone();
                reactor.call_soon(move |reactor| {
                    reactor.crash();
                    hand_in(&handle, &inner, &ran);
                });
            } else {
                hand_in(&handle, &drops, &ran);
                handle.stop();
            }
            reactor.run().unwrap();
            let expected = if crashes { 0 } else { 6 * ROUNDS };
            assert!(order.try_iter().eq(0..expected));
            assert_eq!((drops.count(), reactor.stats().panics), (6 * ROUNDS, 0));
        }
    });

    const ROUNDS: usize = 500;

    fn hand_in(handle: &ReactorHandle, drops: &Drops, ran: &std::sync::mpsc::Sender<usize>) {
        fn send<T: Copy + Send + 'static>(
            handle: &ReactorHandle,
            (drops, ran, number): (&Drops, &std::sync::mpsc::Sender<usize>, usize),
            value: T,
            is_whole: fn(T) -> bool,
        ) {
            let (payload, ran) = (drops.payload(), ran.clone());
            let call = move |_: &Reactor| {
                assert!(is_whole(value));
                assert_eq!(std::ptr::from_ref(&value).addr() % align_of::<T>(), 0);
                drop(payload);
                ran.send(number).unwrap();
            };
            handle.call_from_thread(call).unwrap();
        }
        for round in 0..ROUNDS {
            let with = |place| (drops, ran, 6 * round + place);
            send(handle, with(0), (), |()| true);
            send(handle, with(1), 7_u8, |byte| byte == 7);
            send(handle, with(2), [5_u8; 4099], |bytes| bytes.iter().all(|byte| *byte == 5));
            send(handle, with(3), Aligned([3; 65]), |value| value.0 == [3; 65]);
            send(handle, with(4), u128::MAX, |number| number == u128::MAX);
            send(handle, with(5), [9_u16; 3], |numbers| numbers == [9; 3]);
        }
    }
}

/// What is refused is told with the place at which it was handed in.
#[test]
fn a_dropped_call_is_reported_with_its_place() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        reactor.call_soon(|reactor| {
            reactor.crash();
            reactor.handle().call_from_thread(|_| ()).unwrap();
        });
        let report = crate::fixture::reported(|| log.add(format!("{:?}", reactor.run().is_ok())));
        let lines: Vec<_> =
            report.lines().filter(|line| line.contains("a call was dropped")).collect();
        assert!(log.text() == "true" && lines.len() == 1, "{report}");
        assert!(lines[0].contains("outcomes.rs"), "{report}");
    });
}
