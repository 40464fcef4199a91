//! One call over one bridge, on whatever thread, and what came of it.

use crate::matrix::table::{Answer, Bridge, Moment, Outcome};
use crate::support::{Drops, Place, Witness, peek};
use pollster::block_on;
use ropewalk_deferred::{Deferred, Result, TimedOut};
use ropewalk_reactor::{Reactor, ReactorHandle, ReactorStopped, Remote};
use ropewalk_testing::EventLog;
use ropewalk_threadpool::{SubmitError, SubmitErrorKind, ThreadPool};
use ropewalk_threads::{
    BoxedJob, Eventual, HandleThreads as _, ReactorThreads as _, ReportingJob, WouldDeadlock,
};
use std::cell::RefCell;
use std::future::Future as _;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

/// What a caller on any thread has at hand.
#[derive(Clone)]
pub(crate) struct Ends {
    pub(crate) handle: ReactorHandle,
    pub(crate) remote: Remote<u32>,
    /// A pool of the program's, which has been started.
    pub(crate) pool: ThreadPool,
    pub(crate) moment: Moment,
    pub(crate) trace: Trace,
}

/// What the closures of a call leave behind.
#[derive(Clone, Default)]
pub(crate) struct Trace {
    ran: EventLog<usize>,
    made: EventLog<usize>,
    dropped: Arc<Drops>,
}

/// In a closure; it tells when that runs, and when it is dropped.
pub(crate) struct Mark {
    number: usize,
    ran: EventLog<usize>,
    _witness: Witness,
}

impl Mark {
    fn runs(&self) {
        self.ran.add(self.number);
    }
}

impl Trace {
    fn mark(&self) -> Mark {
        let number = self.made.len();
        self.made.add(number);
        Mark { number, ran: self.ran.clone(), _witness: self.dropped.witness() }
    }

    fn job(&self) -> impl FnOnce() + Send + 'static {
        let mark = self.mark();
        move || mark.runs()
    }

    fn on_progress(&self) -> impl FnMut(&Reactor, ()) + 'static {
        let mark = self.mark();
        move |_, ()| mark.runs()
    }

    /// Whether no closure is gone: not even one that was refused.
    fn is_whole(&self) -> bool {
        self.dropped.count() == 0
    }

    /// What came of it, now that the reactor and its pool are gone.
    pub(crate) fn judge(&self, outcome: Outcome) -> Outcome {
        let (made, ran) = (self.made.entries(), self.ran.entries());
        let wrong = match &outcome {
            _ if self.dropped.count() != made.len() => "a closure was not dropped",
            Outcome::Runs | Outcome::Value if ran.is_empty() => {
                "accepted, but it was dropped unrun"
            }
            Outcome::Runs | Outcome::Value if ran != made => {
                "its closures ran in part, twice, or in another order"
            }
            Outcome::ComesBack | Outcome::WouldDeadlock | Outcome::SubmitError
                if !ran.is_empty() =>
            {
                "refused, but it ran"
            }
            _ => return outcome,
        };
        Outcome::Wrong(format!("{wrong} ({outcome})"))
    }
}

/// What a call has led to when it returns.
pub(crate) enum Made {
    Known(Outcome),
    /// The result of a `Deferred`.
    Deferred(Place<u32>),
    /// A task of the reactor awaits it.
    Task(Rc<Task>),
}

impl Made {
    /// The outcome in the end.
    pub(crate) fn outcome(self) -> Outcome {
        let result = match self {
            Self::Known(outcome) => return outcome,
            Self::Deferred(place) => place.take(),
            Self::Task(task) => {
                // The wake-up may have been refused: the reactor does not run any more.
                task.poll();
                task.result.take()
            }
        };
        result.map_or_else(|| Outcome::Wrong("there is no result".to_owned()), of_result)
    }
}

fn of_result(result: Result<u32>) -> Outcome {
    match result {
        Ok(3) => Outcome::Value,
        Ok(other) => Outcome::Wrong(format!("the value {other}")),
        Err(failure) if failure.is::<WouldDeadlock>() => Outcome::WouldDeadlock,
        Err(failure) if failure.is::<ReactorStopped>() => Outcome::ReactorStopped,
        Err(failure) if failure.is::<TimedOut>() => Outcome::TimedOut,
        Err(failure) => match failure.downcast_ref::<SubmitError<()>>() {
            Some(refused) if refused.kind() == SubmitErrorKind::Stopped => Outcome::SubmitError,
            _ => Outcome::Wrong(format!("{failure:?}")),
        },
    }
}

impl Ends {
    fn two_jobs(&self) -> [BoxedJob; 2] {
        [Box::new(self.trace.job()), Box::new(self.trace.job())]
    }

    /// The call on the reactor's own thread; `None`: the reactor has been dropped.
    pub(crate) fn call_here(self, reactor: Option<&Reactor>, bridge: Bridge) -> Made {
        match (bridge, reactor) {
            (Bridge::CallInThread, Some(reactor)) => {
                Made::Known(self.submitted(reactor.call_in_thread(self.trace.job())))
            }
            (Bridge::CallMultipleInThread, Some(reactor)) => {
                Made::Known(self.submitted(reactor.call_multiple_in_thread(self.two_jobs())))
            }
            (Bridge::DeferToThread, Some(reactor)) => {
                Made::Deferred(peek(reactor.defer_to_thread(self.answering_job())))
            }
            (Bridge::DeferToThreadPool, Some(reactor)) => {
                let job = self.answering_job();
                Made::Deferred(peek(reactor.defer_to_thread_pool(&self.pool, job)))
            }
            (Bridge::DeferToThreadWith, Some(reactor)) => {
                let (job, on_progress) = (self.reporting_job(), self.trace.on_progress());
                Made::Deferred(peek(reactor.defer_to_thread_with(on_progress, job)))
            }
            (Bridge::DeferToThreadPoolWith, Some(reactor)) => {
                let (job, on_progress) = (self.reporting_job(), self.trace.on_progress());
                let deferred = reactor.defer_to_thread_pool_with(&self.pool, on_progress, job);
                Made::Deferred(peek(deferred))
            }
            (Bridge::EventuallyAwait(answer), _) => Made::Task(Task::spawn(
                reactor,
                self.handle.clone(),
                self.handle.eventually(self.ask(answer, self.moment.goes_on())),
            )),
            _ => Made::Known(self.call(bridge)),
        }
    }

    /// The call on any thread.
    pub(crate) fn call(self, bridge: Bridge) -> Outcome {
        let handle = &self.handle;
        match bridge {
            Bridge::CallFromThread => {
                let mark = self.trace.mark();
                self.handed_over(handle.call_from_thread(move |_| mark.runs()))
            }
            Bridge::RemoteCallFromThread => {
                let mark = self.trace.mark();
                self.handed_over(self.remote.call_from_thread(move |_, _| mark.runs()))
            }
            Bridge::CallInThread => self.submitted(handle.call_in_thread(self.trace.job())),
            Bridge::BlockingCall(answer) => {
                of_result(handle.blocking_call_from_thread(self.ask(answer, self.moment.goes_on())))
            }
            Bridge::BlockingCallTimeout(answer) => {
                let (limit, ask) = (self.limit(answer), self.ask(answer, false));
                of_result(handle.blocking_call_from_thread_timeout(limit, ask))
            }
            Bridge::EventuallyWait(answer) => {
                of_result(handle.eventually(self.ask(answer, self.moment.goes_on())).wait())
            }
            Bridge::EventuallyAwait(answer) => {
                of_result(block_on(handle.eventually(self.ask(answer, self.moment.goes_on()))))
            }
            Bridge::CallMultipleInThread => {
                self.submitted(handle.call_multiple_in_thread(self.two_jobs()))
            }
            Bridge::DeferToThread
            | Bridge::DeferToThreadPool
            | Bridge::DeferToThreadWith
            | Bridge::DeferToThreadPoolWith => {
                Outcome::Wrong("a call that does not exist".to_owned())
            }
        }
    }

    /// A job with a result. What an *after* trigger asks for is too late, unless it is very quick: so
    /// it is not.
    fn answering_job(&self) -> impl FnOnce() -> Result<u32> + Send + 'static {
        let is_late = self.moment == Moment::InAnAfterTrigger;
        let (mark, handle) = (self.trace.mark(), self.handle.clone());
        move || {
            while is_late && handle.accepts_calls() {
                thread::yield_now();
            }
            mark.runs();
            Ok(3)
        }
    }

    fn reporting_job(&self) -> impl FnOnce(&ReportingJob<()>) -> Result<u32> + Send + 'static {
        let job = self.answering_job();
        move |running| {
            let result = job();
            running.report(());
            result
        }
    }

    /// Short where only the limit ends the wait; else longer than the watchdog waits.
    fn limit(&self, answer: Answer) -> Duration {
        let only_the_limit = answer == Answer::Never && self.moment.goes_on();
        if only_the_limit { Duration::from_millis(1) } else { Duration::from_secs(20) }
    }

    /// The closure of a call that is waited for. `stops`: without an answer, the reactor does.
    fn ask(
        &self,
        answer: Answer,
        stops: bool,
    ) -> impl FnOnce(&Reactor) -> Deferred<u32> + Send + 'static {
        let mark = self.trace.mark();
        move |reactor| {
            let (promise, deferred) = Deferred::new();
            let later = Duration::from_millis(1);
            match answer {
                Answer::AtOnce => promise.callback(3),
                Answer::ByATimer => drop(reactor.call_later(later, |_| promise.callback(3))),
                Answer::ByAJob => {
                    // The job is the call's, too.
                    return reactor.defer_to_thread(move || {
                        mark.runs();
                        Ok(3)
                    });
                }
                Answer::Never => {
                    reactor.local::<RefCell<Vec<_>>>().borrow_mut().push(promise);
                    if stops {
                        reactor.call_soon(Reactor::stop);
                    }
                }
            }
            mark.runs();
            deferred
        }
    }

    fn handed_over<F>(&self, sent: std::result::Result<(), ReactorStopped<F>>) -> Outcome {
        match sent {
            Ok(()) => Outcome::Runs,
            Err(stopped) => self.came_back(stopped.into_inner()),
        }
    }

    fn submitted<F, H>(&self, submitted: std::result::Result<H, SubmitError<F>>) -> Outcome {
        match submitted {
            Ok(_) => Outcome::Runs,
            Err(refused) if refused.kind() == SubmitErrorKind::Stopped => {
                self.came_back(refused.into_inner())
            }
            Err(refused) => Outcome::Wrong(format!("{refused}")),
        }
    }

    fn came_back<F>(&self, closure: F) -> Outcome {
        let whole = self.trace.is_whole();
        drop(closure);
        if whole { Outcome::ComesBack } else { Outcome::Wrong("it is gone".to_owned()) }
    }
}

/// The smallest task: the reactor polls it when it is woken.
#[derive(Default)]
pub(crate) struct Task {
    answer: RefCell<Option<(Eventual<u32>, ReactorHandle)>>,
    result: RefCell<Option<Result<u32>>>,
}

impl Task {
    fn spawn(reactor: Option<&Reactor>, handle: ReactorHandle, answer: Eventual<u32>) -> Rc<Self> {
        let task = Rc::<Self>::default();
        if let Some(reactor) = reactor {
            // Here a wake-up finds it.
            reactor.local::<RefCell<Rc<Self>>>().replace(Rc::clone(&task));
        }
        task.answer.replace(Some((answer, handle)));
        task.poll();
        task
    }

    fn poll(&self) {
        let Some((mut answer, handle)) = self.answer.take() else { return };
        let waker = Waker::from(Arc::new(Wakes(handle.clone())));
        match Pin::new(&mut answer).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => {
                self.result.replace(Some(result));
                handle.stop();
            }
            Poll::Pending => {
                self.answer.replace(Some((answer, handle)));
            }
        }
    }
}

struct Wakes(ReactorHandle);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        let _ = self.0.call_from_thread(|reactor| {
            let task = Rc::clone(&reactor.local::<RefCell<Rc<Task>>>().borrow());
            task.poll();
        });
    }
}
