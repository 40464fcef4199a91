//! A deferred that begins without a chain: nobody can tell it from one that has a chain.

use crate::support::{Log, LogsDrop, unhandled_in};
use ropewalk_deferred::{
    Abandoned, CancelHandle, Cancelled, Deferred, DirectPromise, Failure, Panicked, Promise,
    Result, Stopper, TimedOut, set_unhandled_hook,
};
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What can be done to the two ends of one.
#[derive(Clone, Copy, Debug)]
enum Step {
    Value,
    Failure,
    Lose,
    Cancel,
    Handle,
    CancelByHandle,
    Drop,
    Detach,
    CancelOnDrop,
    Attach,
    Turn,
    Poll,
    Print,
    Take,
    Chain,
    Return,
}

use Step::{
    Attach, Cancel, CancelByHandle, CancelOnDrop, Chain, Detach, Drop, Failure as Fail, Handle,
    Lose, Poll as Await, Print, Return, Take, Turn, Value as Give,
};

const STEPS: [Step; 16] = [
    Give,
    Fail,
    Lose,
    Cancel,
    Handle,
    CancelByHandle,
    Drop,
    Detach,
    CancelOnDrop,
    Attach,
    Turn,
    Await,
    Print,
    Take,
    Chain,
    Return,
];

/// What the canceller does.
#[derive(Clone, Copy, Debug)]
enum Stops {
    Nothing,
    Fires,
    Loses,
    Panics,
}

type Value = LogsDrop;

enum Fires {
    Chain(Promise<Value>),
    Direct(DirectPromise<Value>),
}

impl Fires {
    fn fire(self, result: Result<Value>) {
        match self {
            Self::Chain(promise) => promise.resolve(result),
            Self::Direct(promise) => promise.fire(result),
        }
    }
}

struct Work {
    log: Log,
    stops: Stops,
    promise: RefCell<Option<Fires>>,
}

impl Work {
    fn take(&self) -> Option<Fires> {
        self.promise.borrow_mut().take()
    }

    fn fire(&self, result: Result<Value>) {
        if let Some(promise) = self.take() {
            promise.fire(result);
        }
    }
}

impl Stopper for Work {
    fn stop(&self, name: u64) {
        self.log.add(format!("stop {name}"));
        match self.stops {
            Stops::Nothing => {}
            Stops::Fires => self.fire(Ok(LogsDrop(self.log.clone(), "its value dropped"))),
            Stops::Loses => drop(self.take()),
            Stops::Panics => panic!("in the canceller"),
        }
    }
}

fn kind(failure: &Failure) -> &'static str {
    match () {
        () if failure.is::<Abandoned>() => "abandoned",
        () if failure.is::<Cancelled>() => "cancelled",
        () if failure.is::<TimedOut>() => "timed out",
        () if failure.is::<Panicked>() => "panicked",
        () => "another failure",
    }
}

fn tell(log: &Log, result: Result<Value>) {
    match result {
        Ok(_) => log.add("a value"),
        Err(failure) => log.add(kind(&failure)),
    }
}

#[derive(Default)]
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Run {
    log: Log,
    work: Rc<Work>,
    deferred: Option<Deferred<Value>>,
    handle: Option<CancelHandle>,
    wakes: Arc<Count>,
}

impl Run {
    fn new(direct: bool, stops: Stops) -> Self {
        let log = Log::default();
        let work = Rc::new(Work { log: log.clone(), stops, promise: RefCell::default() });
        let (promise, deferred) = if direct {
            let weak: Weak<dyn Stopper> = Rc::<Work>::downgrade(&work);
            let (promise, deferred) = Deferred::direct(weak, 7);
            (Fires::Direct(promise), deferred)
        } else {
            let weak = Rc::downgrade(&work);
            let stop = move || weak.upgrade().unwrap().stop(7);
            let (promise, deferred) = Deferred::with_canceller(stop);
            (Fires::Chain(promise), deferred.cancel_on_drop())
        };
        work.promise.replace(Some(promise));
        Self { log, work, deferred: Some(deferred), handle: None, wakes: Arc::default() }
    }

    fn change(&mut self, change: impl FnOnce(Deferred<Value>, Log) -> Deferred<Value>) {
        let log = self.log.clone();
        self.deferred = self.deferred.take().map(|deferred| change(deferred, log));
    }

    fn step(&mut self, step: Step) {
        match step {
            Give => self.work.fire(Ok(LogsDrop(self.log.clone(), "the value dropped"))),
            Fail => self.work.fire(Err(TimedOut.into())),
            Lose => drop(self.work.take()),
            Cancel => self.deferred.iter().for_each(Deferred::cancel),
            Handle => self.handle = self.deferred.as_ref().map(Deferred::canceller),
            CancelByHandle => self.handle.iter().for_each(CancelHandle::cancel),
            Drop => drop(self.deferred.take()),
            Detach => self.deferred.take().into_iter().for_each(Deferred::detach),
            CancelOnDrop => self.change(|deferred, _| deferred.cancel_on_drop()),
            Attach => self.change(|deferred, log| {
                deferred.add_both(move |result| {
                    log.add(if result.is_ok() { "called" } else { "called for a failure" });
                    result
                })
            }),
            Turn => self.change(|deferred, _| deferred.map(Some).map(Option::unwrap)),
            Await => self.poll(),
            Print => {
                // Where it was made and fired is not the same for both.
                let text = self.deferred.as_ref().map(|deferred| format!("{deferred:?}"));
                let text = text.unwrap_or_default();
                assert!(text.is_empty() || text.contains(file!()) || text.contains("stage: Done"));
                self.log.add(text.split(',').next().unwrap_or_default());
            }
            Take => match self.deferred.take().map(Deferred::try_take) {
                Some(Ok(result)) => tell(&self.log, result),
                Some(Err(deferred)) => self.deferred = Some(deferred),
                None => {}
            },
            Chain => self.change(|deferred, _| {
                let (promise, end) = Deferred::new();
                deferred.chain_deferred(promise);
                end
            }),
            Return => {
                self.change(|deferred, _| Deferred::succeed(()).add_callback(move |()| deferred));
            }
        }
    }

    fn poll(&mut self) {
        let Some(deferred) = &mut self.deferred else { return };
        let waker = Waker::from(Arc::clone(&self.wakes));
        if let Poll::Ready(result) = Pin::new(deferred).poll(&mut Context::from_waker(&waker)) {
            self.deferred = None;
            tell(&self.log, result);
        }
    }
}

/// What can be seen of a program, step by step.
fn seen(direct: bool, stops: Stops, steps: &[Step]) -> Vec<String> {
    let mut seen = Vec::new();
    unhandled_in(|| {
        let mut run = Run::new(direct, stops);
        let log = run.log.clone();
        set_unhandled_hook(move |unhandled| {
            let fired = if unhandled.created().file() == file!() { "" } else { " elsewhere" };
            log.add(format!("unhandled: {}{fired}", kind(unhandled.failure())));
        });
        // At the end the deferred goes before its promise.
        for step in steps.iter().chain(&[Drop, Lose]) {
            run.step(*step);
            let wakes = run.wakes.0.swap(0, Ordering::Relaxed);
            seen.push(format!("{step:?}: {:?}, {wakes} wakes", run.log.take()));
        }
        assert_eq!(Arc::strong_count(&run.wakes), 1, "{seen:#?}");
    });
    seen
}

/// All programs of three steps, with each canceller.
#[test]
fn a_direct_deferred_behaves_as_one_with_a_chain() {
    for stops in [Stops::Nothing, Stops::Fires, Stops::Loses, Stops::Panics] {
        for first in STEPS {
            for second in STEPS {
                for third in STEPS {
                    let steps = [first, second, third];
                    let (direct, chain) = (seen(true, stops, &steps), seen(false, stops, &steps));
                    assert_eq!(direct, chain, "{stops:?} {steps:?}");
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "after it had given its result")]
fn it_is_not_polled_again_after_its_result() {
    let mut run = Run::new(true, Stops::Nothing);
    run.step(Give);
    let mut deferred = run.deferred.take().unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut deferred).poll(&mut context).is_ready());
    let _ = Pin::new(&mut deferred).poll(&mut context);
}

/// What comes after the first result, or after a cancel, is dropped.
#[test]
fn the_first_result_counts() {
    let log = Log::default();
    let nobody: Weak<dyn Stopper> = Weak::<Work>::new();
    let (promise, deferred) = Deferred::direct(nobody, 0);
    promise.fire(Ok(LogsDrop(log.clone(), "first")));
    promise.fire(Ok(LogsDrop(log.clone(), "second")));
    assert_eq!(log.take(), ["second"]);
    drop(promise);
    drop(deferred);
    assert_eq!(log.take(), ["first"]);
}
