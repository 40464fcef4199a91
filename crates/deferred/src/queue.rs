//! Values on their way from those who make them to those who wait for them.
//!
//! Either values lie in the queue or somebody waits, never both: a put goes straight to the one
//! who has waited longest. The values are borrowed to add or to take one, never while a promise is
//! fired or a value dropped (I5).

use crate::waiters::Waiters;
use crate::{Deferred, Result};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

/// Up to this many places for values are kept when the last one has gone.
const KEPT: usize = 1024;

/// A queue of values that can be waited for, first in, first out on both sides.
///
/// Without limits a [`put`](Self::put) always succeeds at once. [`with_limits`](Self::with_limits)
/// bounds how many values lie in it, and how many may wait for one.
///
/// Cheap to clone: all clones are the same queue. When the last one is dropped, so are the values,
/// and who still waits gets [`Abandoned`](crate::Abandoned).
///
/// # Threads
///
/// The thread it was made on only: it is neither `Send` nor `Sync`.
///
/// # Notes
///
/// A callback that waits for a value and owns a clone of the same queue keeps both alive; what ends
/// that is a put, or cancelling the wait.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::DeferredQueue;
///
/// let queue = DeferredQueue::new();
/// let line = queue.get();
/// queue.put("first")?;
/// queue.put("second")?;
/// assert_eq!(line.try_take().unwrap()?, "first");
/// assert_eq!(queue.try_get(), Some("second"));
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
///
/// Twisted: `DeferredQueue`.
pub struct DeferredQueue<T: 'static> {
    state: Rc<State<T>>,
}

struct State<T: 'static> {
    values: RefCell<VecDeque<T>>,
    waiters: Waiters<T>,
    size: Option<usize>,
    backlog: Option<usize>,
}

impl<T> DeferredQueue<T> {
    /// A queue without limits.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredQueue;
    /// let queue = DeferredQueue::<u32>::new();
    /// assert!(queue.is_empty());
    /// ```
    ///
    /// Twisted: `DeferredQueue()`.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(None, None)
    }

    /// A queue in which at most `size` values lie, and on which at most `backlog` may wait.
    ///
    /// `None` is no limit. Both may be 0: a queue of size 0 takes a value only if somebody waits,
    /// and one of backlog 0 lets nobody wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredQueue;
    /// let queue = DeferredQueue::with_limits(Some(1), None);
    /// assert!(queue.put(1).is_ok());
    /// assert_eq!(queue.put(2).unwrap_err().into_inner(), 2);
    /// ```
    ///
    /// Twisted: `DeferredQueue(size, backlog)`.
    #[must_use]
    pub fn with_limits(size: Option<usize>, backlog: Option<usize>) -> Self {
        let (values, waiters) = (RefCell::default(), Waiters::default());
        Self { state: Rc::new(State { values, waiters, size, backlog }) }
    }

    /// Gives `value` to the one who has waited longest, or else keeps it for the next who asks.
    ///
    /// If somebody waits, their callbacks run before this returns.
    ///
    /// # Errors
    ///
    /// [`QueueOverflow`], which hands the value back, if as many lie here already as the queue may
    /// keep.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredQueue;
    /// let queue = DeferredQueue::new();
    /// let n = queue.get();
    /// queue.put(7)?;
    /// assert_eq!(n.try_take().unwrap()?, 7);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `DeferredQueue.put`.
    pub fn put(&self, value: T) -> Result<(), QueueOverflow<T>> {
        if let Some(promise) = self.state.waiters.next() {
            promise.settle(Ok(value));
            return Ok(());
        }
        let mut values = self.state.values.borrow_mut();
        match self.state.size {
            Some(size) if values.len() >= size => Err(QueueOverflow { value, size }),
            _ => {
                values.push_back(value);
                Ok(())
            }
        }
    }

    /// Takes the value that has lain here longest, or waits for one.
    ///
    /// Cancelling it while it waits gives up its place in the queue, and it fails with
    /// [`Cancelled`](crate::Cancelled); once it has a value, cancelling has no effect. Its drop
    /// cancels it too, unless it is [detached](Deferred::detach).
    ///
    /// The deferred fails with [`QueueUnderflow`] if there is no value and as many wait already as
    /// may.
    ///
    /// # Notes
    ///
    /// A value that has been delivered belongs to the deferred and is dropped with it. To give up a
    /// get that may have got one meanwhile, cancel it and see what it has.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::{DeferredQueue, QueueUnderflow};
    /// let queue = DeferredQueue::<u32>::with_limits(None, Some(0));
    /// let failure = queue.get().try_take().unwrap().unwrap_err();
    /// assert!(failure.is::<QueueUnderflow>());
    /// ```
    ///
    /// Twisted: `DeferredQueue.get`.
    #[track_caller]
    pub fn get(&self) -> Deferred<T> {
        if let Some(value) = self.try_get() {
            return Deferred::succeed(value);
        }
        match self.state.backlog {
            Some(backlog) if self.waiting() >= backlog => Deferred::fail(QueueUnderflow),
            _ => Waiters::wait(&self.state, |state| &state.waiters).cancel_on_drop(),
        }
    }

    /// Takes the value that has lain here longest, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredQueue;
    /// let queue = DeferredQueue::new();
    /// assert!(queue.put(7).is_ok());
    /// assert_eq!(queue.try_get(), Some(7));
    /// assert_eq!(queue.try_get(), None);
    /// ```
    #[must_use = "the value has been taken out of the queue"]
    pub fn try_get(&self) -> Option<T> {
        let mut values = self.state.values.borrow_mut();
        let value = values.pop_front();
        if values.is_empty() && values.capacity() > KEPT {
            *values = VecDeque::new();
        }
        value
    }

    /// How many values lie here.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredQueue;
    /// let queue = DeferredQueue::new();
    /// assert!(queue.put("one").is_ok());
    /// assert_eq!(queue.len(), 1);
    /// ```
    ///
    /// Twisted: `len(DeferredQueue.pending)`.
    #[must_use]
    #[doc(alias = "pending")]
    pub fn len(&self) -> usize {
        self.state.values.borrow().len()
    }

    /// Whether no value lies here.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredQueue;
    /// assert!(DeferredQueue::<u32>::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait for a value.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredQueue;
    /// let queue = DeferredQueue::<u32>::new();
    /// let _next = queue.get();
    /// assert_eq!(queue.waiting(), 1);
    /// ```
    ///
    /// Twisted: `len(DeferredQueue.waiting)`.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.state.waiters.len()
    }

    /// How many values may lie here, if that is limited.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredQueue;
    /// assert_eq!(DeferredQueue::<u32>::new().size(), None);
    /// ```
    ///
    /// Twisted: `DeferredQueue.size`.
    #[must_use]
    pub fn size(&self) -> Option<usize> {
        self.state.size
    }

    /// How many may wait for a value, if that is limited.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredQueue;
    /// assert_eq!(DeferredQueue::<u32>::with_limits(None, Some(2)).backlog(), Some(2));
    /// ```
    ///
    /// Twisted: `DeferredQueue.backlog`.
    #[must_use]
    pub fn backlog(&self) -> Option<usize> {
        self.state.backlog
    }
}

impl<T> Clone for DeferredQueue<T> {
    fn clone(&self) -> Self {
        Self { state: Rc::clone(&self.state) }
    }
}

impl<T> Default for DeferredQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for DeferredQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredQueue")
            .field("len", &self.len())
            .field("waiting", &self.waiting())
            .field("size", &self.size())
            .field("backlog", &self.backlog())
            .finish_non_exhaustive()
    }
}

/// As many values lie in a [`DeferredQueue`] as it may keep; the one refused is handed back.
///
/// # Examples
///
/// ```
/// # use ropewalk_deferred::DeferredQueue;
/// let queue = DeferredQueue::with_limits(Some(0), None);
/// let refused = queue.put("line").unwrap_err();
/// assert_eq!(refused.into_inner(), "line");
/// ```
///
/// Twisted: `QueueOverflow`.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct QueueOverflow<T> {
    value: T,
    size: usize,
}

impl<T> QueueOverflow<T> {
    /// Gives the value back.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> fmt::Debug for QueueOverflow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueOverflow").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for QueueOverflow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "nobody waits for a value and the queue keeps no more than {}: put it again after a \
             get, or make the queue with a larger size",
            self.size
        )
    }
}

impl<T> Error for QueueOverflow<T> {}

/// As many wait for a value of a [`DeferredQueue`] as may.
///
/// Twisted: `QueueUnderflow`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct QueueUnderflow;

impl fmt::Display for QueueUnderflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the queue is empty and as many wait for a value as may: get again after a put, or \
             make the queue with a larger backlog",
        )
    }
}

impl Error for QueueUnderflow {}
