//! Each program of the text "Using Threads in Twisted", through the prelude alone.
//!
//! Where the text sleeps to stand for work, these wait for an event, so that they end at once.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use ropewalk::prelude::*;
use ropewalk_testing::{DEADLINE, within};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

fn foreign(body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    Builder::new().name("foreign".to_owned()).spawn(body).unwrap()
}

/// `reactor.callFromThread(notThreadSafe, 3)`: what is not thread-safe runs in the event loop.
#[test]
fn call_from_thread() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        // An `Rc`, so that the compiler sees to it that no other thread touches it.
        let numbers = Rc::new(RefCell::new(Vec::new()));
        let not_thread_safe = reactor.share(Rc::clone(&numbers));
        let thread = foreign(move || {
            for x in 1..=3 {
                let call = move |numbers: &Rc<Rc<RefCell<Vec<u32>>>>, _: &Reactor| {
                    numbers.borrow_mut().push(x);
                };
                not_thread_safe.call_from_thread(call).unwrap();
            }
            not_thread_safe.handle().call_from_thread(|reactor| reactor.stop()).unwrap();
        });
        reactor.run().unwrap();
        thread.join().unwrap();
        assert_eq!(*numbers.borrow(), [1, 2, 3]);
    });
}

/// A thread writes to a live transport of the reactor thread: `a message: hello`.
#[cfg(feature = "net")]
#[test]
fn call_from_thread_writes_to_a_transport() {
    use ropewalk::net::{Protocol, ReactorNet as _, Transport};
    use std::io::Read as _;
    use std::net::TcpStream;

    /// Tells who wants to write to it that it is there.
    struct Live(Sender<Remote<Transport>>);
    impl Protocol for Live {
        fn connection_made(&mut self, transport: &Transport) {
            let shared = Reactor::with_current(|reactor| reactor.share(transport.clone()));
            self.0.send(shared.unwrap()).unwrap();
        }
        fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    }

    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel();
        let port = reactor.listen_tcp("127.0.0.1:0", move |_| Live(sender.clone())).unwrap();
        let address = port.address();
        let thread = foreign(move || {
            let mut client = TcpStream::connect(address).unwrap();
            let remote = receiver.recv().unwrap();
            let write = |transport: &Rc<Transport>, _: &Reactor| {
                transport.write(b"a message: hello");
                transport.lose_connection();
            };
            remote.call_from_thread(write).unwrap();
            let mut text = String::new();
            client.read_to_string(&mut text).unwrap();
            assert_eq!(text, "a message: hello");
            remote.handle().stop();
        });
        reactor.run().unwrap();
        thread.join().unwrap();
    });
}

/// `callInThread(aSillyBlockingMethod, "2 seconds have passed")`, while the reactor turns.
#[test]
fn call_in_thread() {
    within(DEADLINE, || {
        fn a_silly_blocking_method(x: &'static str, ticks: &Receiver<u32>) -> &'static str {
            while ticks.recv().unwrap() < 3 {}
            x
        }
        fn tick(reactor: &Reactor, number: u32, ticks: Sender<u32>) {
            // The last ticks find nobody who listens.
            let _ = ticks.send(number);
            reactor.call_later(Duration::from_millis(1), move |reactor| {
                tick(reactor, number + 1, ticks);
            });
        }
        let reactor = Reactor::new().unwrap();
        let (ticks, ticked) = channel();
        let (sender, printed) = channel();
        let handle = reactor.handle();
        reactor
            .call_in_thread(move || {
                sender.send(a_silly_blocking_method("2 seconds have passed", &ticked)).unwrap();
                handle.stop();
            })
            .unwrap();
        tick(&reactor, 0, ticks);
        reactor.run().unwrap();
        assert_eq!(printed.try_recv().unwrap(), "2 seconds have passed");
    });
}

/// A pool full of jobs that wait for jobs which have no thread: "and it's dead". Here it is
/// diagnosed, with the lines at fault, and revived.
#[test]
fn wedge() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (handle, (sender, diagnosed)) = (reactor.handle(), channel());
        let pool = ThreadPool::builder()
            .min_threads(2)
            .max_threads(2)
            .stall_after(Duration::from_millis(20))
            .on_stall(move |report| {
                let lines =
                    report.jobs.iter().map(|job| (job.location.file(), job.location.line()));
                sender.send((report.queued, lines.collect::<Vec<_>>())).unwrap();
                handle.suggest_thread_pool_size(3).unwrap();
            })
            .build()
            .unwrap();
        reactor.install_thread_pool(pool).unwrap();
        let (events, waits): (Vec<Sender<()>>, Vec<_>) = (0..2).map(|_| channel()).unzip();
        let line = line!() + 2;
        for wait in waits {
            reactor.call_in_thread(move || wait.recv().unwrap()).unwrap();
        }
        for event in events {
            reactor.call_in_thread(move || event.send(()).unwrap()).unwrap();
        }
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(diagnosed.try_recv().unwrap(), (2, vec![(file!(), line); 2]));
        assert_eq!(reactor.thread_pool().stats().completed, 4);
    });
}

/// `callMultipleInThread`: one after the other, in one thread.
#[test]
fn call_multiple_in_thread() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, printed) = channel();
        let (first, second, handle) = (sender.clone(), sender, reactor.handle());
        let commands: Vec<Box<dyn FnOnce() + Send>> = vec![
            Box::new(move || first.send(("Calling First", thread::current().id())).unwrap()),
            Box::new(move || {
                second.send(("And the second", thread::current().id())).unwrap();
                handle.stop();
            }),
        ];
        reactor.call_multiple_in_thread(commands).unwrap();
        reactor.run().unwrap();
        let (first, second) = (printed.recv().unwrap(), printed.recv().unwrap());
        assert_eq!((first.0, second.0), ("Calling First", "And the second"));
        assert_eq!(first.1, second.1);
    });
}

/// `deferToThread(doLongCalculation).addCallback(printResult)`: `3`.
#[test]
fn defer_to_thread() {
    within(DEADLINE, || {
        fn do_long_calculation() -> u32 {
            3
        }
        let reactor = Reactor::new().unwrap();
        let printed = Rc::new(RefCell::new(String::new()));
        let out = Rc::clone(&printed);
        reactor
            .defer_to_thread(|| Ok(do_long_calculation()))
            .add_callback(move |x| {
                *out.borrow_mut() = x.to_string();
                Reactor::with_current(|reactor| reactor.stop());
            })
            .detach();
        reactor.run().unwrap();
        assert_eq!(*printed.borrow(), "3");
    });
}

/// `blockingCallFromThread(reactor, getPage, url)`: the page, or the error, in the thread.
#[test]
fn blocking_call_from_thread() {
    #[derive(Debug, PartialEq)]
    struct NotFound(&'static str);
    impl std::fmt::Display for NotFound {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "404: {}", self.0)
        }
    }
    impl std::error::Error for NotFound {}

    /// Needs the reactor, and time.
    fn get_page(reactor: &Reactor, url: &'static str) -> Deferred<String> {
        let (promise, page) = Deferred::new();
        reactor.call_later(Duration::from_millis(1), move |_| match url {
            "/" => promise.callback("<html>".to_owned()),
            _ => promise.errback(NotFound(url)),
        });
        page
    }

    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (sender, printed) = channel();
        reactor
            .call_in_thread(move || {
                let page = handle.blocking_call_from_thread(|reactor| get_page(reactor, "/"));
                let lost = handle.blocking_call_from_thread(|reactor| get_page(reactor, "/lost"));
                sender.send((page, lost)).unwrap();
                handle.call_from_thread(|reactor| reactor.stop()).unwrap();
            })
            .unwrap();
        reactor.run().unwrap();
        let (page, lost) = printed.recv().unwrap();
        assert_eq!(page.unwrap(), "<html>");
        let failure: Failure = lost.unwrap_err();
        assert_eq!(failure.downcast_ref(), Some(&NotFound("/lost")));
    });
}

/// `reactor.suggestThreadPoolSize(30)`, and what the pool can tell of itself.
#[test]
fn thread_pool_size() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool: ThreadPool = reactor.thread_pool();
        assert_eq!((pool.min_threads(), pool.max_threads()), (5, 10));
        reactor.suggest_thread_pool_size(30).unwrap();
        assert_eq!((pool.min_threads(), pool.max_threads()), (5, 30));
        // More than ten jobs that are all in a thread at the same time.
        let (starts, started) = channel();
        let (gates, waits): (Vec<Sender<()>>, Vec<_>) = (0..30).map(|_| channel()).unzip();
        for wait in waits {
            let starts = starts.clone();
            let job = move || {
                starts.send(()).unwrap();
                assert!(wait.recv().is_err(), "the gate goes, and says nothing");
            };
            reactor.call_in_thread(job).unwrap();
        }
        let handle: ReactorHandle = reactor.handle();
        let watching = foreign(move || {
            (0..30).for_each(|_| started.recv().unwrap());
            let stats = handle.thread_pool().stats();
            assert_eq!((stats.threads, stats.busy, stats.queued), (30, 30, 0));
            drop(gates);
            handle.stop();
        });
        reactor.run().unwrap();
        watching.join().unwrap();
        assert_eq!(pool.stats().completed, 30);
    });
}

/// The names of the prelude are enough to write the types down.
#[test]
fn the_prelude_names_both_ends_of_a_deferred() {
    let (promise, deferred): (Promise<u32>, Deferred<u32>) = Deferred::new();
    promise.callback(3);
    deferred.add_callback(|x| assert_eq!(x, 3)).detach();
}
