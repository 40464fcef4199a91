//! Two reactors that use every bridge to each other, both at once (W30).

use ropewalk_deferred::{Deferred, Result};
use ropewalk_reactor::{Reactor, ReactorHandle, Remote};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::ThreadPool;
use ropewalk_threads::{
    BoxedJob, HandleThreads as _, ReactorThread, ReactorThreads as _, WouldDeadlock,
};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};

const ROUNDS: usize = 200;

/// What each of the two says in a round, some of it twice.
const WORDS: usize = 15;

/// Says that a call of one kind has been dealt with; dropped unsaid, that it was not.
struct Word(Sender<(&'static str, bool)>, Option<&'static str>);

impl Word {
    fn say(mut self) {
        self.send(true);
    }

    fn send(&mut self, is_said: bool) {
        if let Some(kind) = self.1.take() {
            // Nobody listens any more if the test has failed.
            let _ = self.0.send((kind, is_said));
        }
    }
}

impl Drop for Word {
    fn drop(&mut self) {
        self.send(false);
    }
}

/// What one of them knows of the other.
#[derive(Clone)]
struct Peer {
    handle: ReactorHandle,
    value: Remote<u32>,
    pool: ThreadPool,
    words: Sender<(&'static str, bool)>,
}

impl Peer {
    fn word(&self, kind: &'static str) -> Word {
        Word(self.words.clone(), Some(kind))
    }

    /// All bridges that do not wait.
    fn use_all(&self) {
        let word = self.word("call");
        self.call(|_| word.say());
        let word = self.word("remote");
        let hear = |value: &Rc<u32>, _: &Reactor| {
            if **value == 7 {
                word.say();
            }
        };
        self.value.call_from_thread(hear).unwrap();
        let word = self.word("job");
        self.handle.call_in_thread(|| word.say()).unwrap();
        let (first, second) = (self.word("jobs"), self.word("jobs"));
        let jobs: [BoxedJob; 2] = [Box::new(|| first.say()), Box::new(|| second.say())];
        self.call(|reactor| drop(reactor.call_multiple_in_thread(jobs).unwrap()));
        let word = self.word("defer");
        self.call(|reactor| told(reactor.defer_to_thread(|| Ok(())), word));
        let (word, pool) = (self.word("pool"), self.pool.clone());
        self.call(move |reactor| told(reactor.defer_to_thread_pool(&pool, || Ok(())), word));
        let (word, heard) = (self.word("with"), self.word("progress"));
        self.call(|reactor| {
            let mut heard = Some(heard);
            let hear = move |_: &Reactor, ()| heard.take().into_iter().for_each(Word::say);
            let job = reactor.defer_to_thread_with(hear, |job| {
                job.report(());
                Ok(())
            });
            told(job, word);
        });
        self.handle.suggest_thread_pool_size(2).unwrap();
        let word = self.word("eventual");
        // Nobody looks at its answer.
        drop(self.handle.eventually(|_| word.say()));
    }

    fn call(&self, f: impl FnOnce(&Reactor) + Send + 'static) {
        self.handle.call_from_thread(f).unwrap();
    }

    /// The bridges that wait, on a worker: each for a job in the pool of the other.
    fn wait_for_all(&self) -> Result<()> {
        let asks = |kind| {
            let word = self.word(kind);
            |reactor: &Reactor| reactor.defer_to_thread(|| word.say())
        };
        self.handle.blocking_call_from_thread(asks("blocking"))?;
        self.handle.blocking_call_from_thread_timeout(DEADLINE, asks("limited"))?;
        self.handle.eventually(asks("wait")).wait()
    }

    /// One that waits, on a reactor thread: it is answered, or would close a circle.
    fn ask(&self) {
        let asked = self.word("asked");
        match self.handle.blocking_call_from_thread(|_| asked.say()) {
            Ok(()) => self.word("answered").say(),
            Err(failure) if failure.is::<WouldDeadlock>() => self.word("refused").say(),
            Err(_) => self.word("failed").say(),
        }
    }
}

fn told(deferred: Deferred<()>, word: Word) {
    deferred.map(|()| word.say()).detach();
}

/// One round of the reactor on whose thread this is. The next one comes when the job of this one has
/// all its answers: a pool does not make up for any number of threads that wait.
fn go_on(reactor: &Reactor, peer: Peer, round: usize) {
    if round == ROUNDS {
        return;
    }
    peer.use_all();
    peer.ask();
    let own = reactor.handle();
    let waits = move || {
        peer.wait_for_all().unwrap();
        own.call_from_thread(move |reactor| go_on(reactor, peer, round + 1)).unwrap();
    };
    reactor.call_in_thread(waits).unwrap();
}

#[test]
fn i2_w30_two_reactors_use_every_bridge_to_each_other_at_once() {
    within(DEADLINE, || {
        let threads = [(); 2].map(|()| ReactorThread::spawn().unwrap());
        let pool = ThreadPool::builder().max_threads(1).build().unwrap();
        pool.start().unwrap();
        let (words, said) = channel();
        let peers = threads.each_ref().map(|thread| {
            let handle = thread.handle().clone();
            let value = handle.blocking_call_from_thread(|reactor| Ok(reactor.share(7))).unwrap();
            Peer { handle, value, pool: pool.clone(), words: words.clone() }
        });
        drop(words);
        let [first, second] = peers;
        let (one, other) = (first.handle.clone(), second.handle.clone());
        one.call_from_thread(move |reactor| go_on(reactor, second, 0)).unwrap();
        other.call_from_thread(move |reactor| go_on(reactor, first, 0)).unwrap();

        let mut counts = BTreeMap::<_, [usize; 2]>::new();
        for (kind, is_said) in said.iter().take(2 * ROUNDS * WORDS) {
            counts.entry(kind).or_default()[usize::from(is_said)] += 1;
        }
        let mut count = |kind| counts.remove(kind).unwrap_or_default();
        // Who was refused has not been asked.
        let ([_, answered], [_, refused]) = (count("answered"), count("refused"));
        assert_eq!((count("asked"), answered + refused), ([refused, answered], 2 * ROUNDS));
        assert_eq!(count("jobs"), [0, 4 * ROUNDS]);
        assert_eq!(counts.len(), WORDS - 4, "{counts:?}");
        assert!(counts.values().all(|&counts| counts == [0, 2 * ROUNDS]), "{counts:?}");

        threads.into_iter().for_each(|thread| drop(thread.join().unwrap()));
        pool.stop();
        // No words are left, and nobody who could say any.
        assert_eq!(said.try_iter().count(), 0);
        assert!(said.recv().is_err());
    });
}
