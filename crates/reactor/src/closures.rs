//! A queue of closures of many types, all in one buffer.
//!
//! A call from another thread is a closure, and closures differ in type and size. Boxed, each costs
//! an allocation on one thread and its release on another, which is where allocators are slow: a
//! boxed call takes three to four times as long as the same call in place. So they lie in the buffer
//! one after the other, each behind a header that knows how to take it out again; the loop swaps a
//! full buffer for an empty one and so neither thread allocates anything.
//!
//! **Borrow rule:** a closure is moved out of the buffer, and the borrow ends, before it is called or
//! dropped (I5).

#![expect(unsafe_code, reason = "closures of many types in one buffer; each `SAFETY` says why")]

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::marker::PhantomData;
use std::mem::{self, MaybeUninit};
use std::panic::Location;

/// What the buffer is made of; it is initialised where a closure has no padding.
type Word = MaybeUninit<usize>;

/// Larger closures are boxed: they would be copied too often while the buffer grows.
const LARGEST: usize = 256;

/// An empty buffer with more room than this, in words, is given back.
const KEPT: usize = 128 * 1024 / size_of::<Word>();

/// Closures that take `&A`, first in, first out.
///
/// It is `Send` because each closure in it is; nothing in it can be reached through a shared
/// reference, so it is `Sync` in any case.
///
/// # Invariant
///
/// From `head` on, `words` holds exactly `len` records, one after the other: a [`Header`], and a
/// closure of the type for which its `kind` was made, in as many words as that takes.
pub(crate) struct Closures<A: 'static> {
    words: Vec<Word>,
    head: usize,
    len: usize,
    argument: PhantomData<fn(&A)>,
}

struct Header<A: 'static> {
    kind: &'static Kind<A>,
    location: &'static Location<'static>,
}

impl<A> Clone for Header<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Header<A> {}

/// What can be done with closures of one type.
struct Kind<A: 'static> {
    /// Takes the first closure out, ends the borrow and calls it. It must be of this kind.
    call: unsafe fn(RefMut<'_, Closures<A>>, &A),
    /// Takes the first closure out, ends the borrow and drops it. It must be of this kind.
    discard: unsafe fn(RefMut<'_, Closures<A>>),
}

const fn words_for<T>() -> usize {
    size_of::<T>().div_ceil(size_of::<Word>())
}

impl<A> Closures<A> {
    pub(crate) const fn new() -> Self {
        Self { words: Vec::new(), head: 0, len: 0, argument: PhantomData }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of room.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn capacity(&self) -> usize {
        self.words.capacity() * size_of::<Word>()
    }

    pub(crate) fn push<F>(&mut self, closure: F, location: &'static Location<'static>)
    where
        F: FnOnce(&A) + Send + 'static,
    {
        if size_of::<F>() > LARGEST || align_of::<F>() > align_of::<Word>() {
            let boxed = Box::new(closure);
            self.put(move |argument: &A| boxed(argument), location);
        } else {
            self.put(closure, location);
        }
    }

    /// Puts in a closure that fits.
    fn put<F>(&mut self, closure: F, location: &'static Location<'static>)
    where
        F: FnOnce(&A) + Send + 'static,
    {
        const { assert!(align_of::<Header<A>>() <= align_of::<Word>()) };
        let kind = const { &Kind { call: call::<A, F>, discard: discard::<A, F> } };
        let (header, closure_words) = (words_for::<Header<A>>(), words_for::<F>());
        self.words.reserve(header + closure_words);
        let end = self.words.len() + header + closure_words;
        let (header_room, closure_room) = self.words.spare_capacity_mut().split_at_mut(header);
        // SAFETY: there is room for a header, aligned by the assertion above.
        unsafe { header_room.as_mut_ptr().cast::<Header<A>>().write(Header { kind, location }) };
        // SAFETY: behind it there is room for the closure (reserved above), aligned by `push`.
        unsafe { closure_room.as_mut_ptr().cast::<F>().write(closure) };
        // SAFETY: that much is reserved, and a `Word` need not be initialised, as where the closure
        // has padding. What was added is a record of the form that the invariant asks for.
        unsafe { self.words.set_len(end) };
        self.len += 1;
    }

    /// What the first closure is.
    fn first(&self) -> Option<Header<A>> {
        if self.len == 0 {
            return None;
        }
        let record = self.words[self.head..].as_ptr();
        // SAFETY: there is a record at `head`, and it begins with a header (invariant).
        Some(unsafe { record.cast::<Header<A>>().read() })
    }

    /// Where the first closure was handed in.
    pub(crate) fn first_location(&self) -> Option<&'static Location<'static>> {
        self.first().map(|header| header.location)
    }

    /// Takes the first closure out.
    ///
    /// # Safety
    ///
    /// There is one, and it is of type `F`.
    unsafe fn take<F>(&mut self) -> F {
        let at = self.head + words_for::<Header<A>>();
        let first = self.words[at..].as_ptr();
        // SAFETY: behind the header at `head` there is a closure, of type `F` as the caller says.
        // `head` moves past it, so it is read once and never again.
        let closure = unsafe { first.cast::<F>().read() };
        self.head = at + words_for::<F>();
        self.len -= 1;
        if self.len == 0 {
            self.head = 0;
            self.words.clear();
            if self.words.capacity() > KEPT {
                self.words = Vec::new();
            }
        }
        closure
    }
}

/// Calls the first closure; `false` if there is none.
pub(crate) fn call_first<A>(queue: &RefCell<Closures<A>>, argument: &A) -> bool {
    let queue = queue.borrow_mut();
    let Some(Header { kind, .. }) = queue.first() else { return false };
    // SAFETY: it is the kind of the first closure.
    unsafe { (kind.call)(queue, argument) };
    true
}

/// Drops the first closure; `false` if there is none.
pub(crate) fn discard_first<A>(queue: &RefCell<Closures<A>>) -> bool {
    let queue = queue.borrow_mut();
    let Some(Header { kind, .. }) = queue.first() else { return false };
    // SAFETY: it is the kind of the first closure.
    unsafe { (kind.discard)(queue) };
    true
}

/// # Safety
///
/// The queue has a first closure, and it is of type `F`.
unsafe fn call<A, F: FnOnce(&A)>(mut queue: RefMut<'_, Closures<A>>, argument: &A) {
    // SAFETY: as the caller says.
    let closure = unsafe { queue.take::<F>() };
    drop(queue);
    closure(argument);
}

/// # Safety
///
/// The queue has a first closure, and it is of type `F`.
unsafe fn discard<A, F>(mut queue: RefMut<'_, Closures<A>>) {
    // SAFETY: as the caller says.
    let closure = unsafe { queue.take::<F>() };
    drop(queue);
    drop(closure);
}

impl<A> Drop for Closures<A> {
    fn drop(&mut self) {
        if self.len > 0 {
            let rest = RefCell::new(mem::take(self));
            while discard_first(&rest) {}
        }
    }
}

impl<A> Default for Closures<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A> fmt::Debug for Closures<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closures").field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Closures, KEPT, LARGEST, Word, call_first, discard_first};
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
    use std::cell::RefCell;
    use std::panic::Location;
    use std::sync::Arc;

    type Log = RefCell<Vec<u64>>;

    fn here() -> &'static Location<'static> {
        Location::caller()
    }

    /// Closures of several shapes; each logs its number, and counts its drop by the `Arc`.
    fn push(queue: &mut Closures<Log>, shape: u8, number: u64, alive: &Arc<()>) {
        let alive = Arc::clone(alive);
        let log = move |log: &Log| log.borrow_mut().push(number);
        match shape {
            0 => queue.push(move |out: &Log| log(out), here()),
            1 => queue.push(move |out| (log(out), drop(alive)).0, here()),
            2 => {
                let odd = [number as u8; 13];
                queue
                    .push(move |out| (log(out), drop(alive), assert!(odd[12] == odd[0])).0, here());
            }
            3 => {
                let large = [number; LARGEST / 8 + 1];
                queue.push(
                    move |out| (log(out), drop(alive), assert!(large[32] == number)).0,
                    here(),
                );
            }
            _ => {
                #[repr(align(64))]
                struct Aligned(u64);
                let aligned = Aligned(number);
                let check = move || {
                    let aligned = &aligned;
                    assert_eq!(std::ptr::from_ref(aligned).addr() % 64, 0);
                    aligned.0
                };
                queue
                    .push(move |out: &Log| (out.borrow_mut().push(check()), drop(alive)).0, here());
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(u8),
        Call,
        Discard,
        Swap,
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Against two plain lists of numbers; swapped as the loop swaps them.
        #[test]
        fn closures_leave_in_order_and_each_is_dropped_once(
            steps in vec(prop_oneof![
                4 => (0..5_u8).prop_map(Step::Push),
                3 => any::<bool>().prop_map(|_| Step::Call),
                1 => any::<bool>().prop_map(|_| Step::Discard),
                1 => any::<bool>().prop_map(|_| Step::Swap),
            ], 0..200)
        ) {
            let log = Log::default();
            let alive = Arc::new(());
            let (mut intake, batch) = (Closures::new(), RefCell::new(Closures::new()));
            let (mut expected_in, mut expected_out) = (Vec::new(), std::collections::VecDeque::new());
            let mut expected_log = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(shape) => {
                        push(&mut intake, shape, number as u64, &alive);
                        expected_in.push(number as u64);
                    }
                    Step::Call => {
                        let first = expected_out.pop_front();
                        assert_eq!(call_first(&batch, &log), first.is_some());
                        expected_log.extend(first);
                    }
                    Step::Discard => {
                        let first = expected_out.pop_front();
                        assert_eq!(discard_first(&batch), first.is_some());
                    }
                    Step::Swap if expected_out.is_empty() => {
                        std::mem::swap(&mut intake, &mut batch.borrow_mut());
                        expected_out.extend(expected_in.drain(..));
                    }
                    Step::Swap => {}
                }
                assert_eq!(batch.borrow().len(), expected_out.len());
                assert_eq!(*log.borrow(), expected_log);
            }
            drop((intake, batch));
            assert_eq!(Arc::strong_count(&alive), 1);
        }
    }

    #[test]
    fn a_closure_may_use_the_queue_that_it_came_from() {
        let queue = std::rc::Rc::new(RefCell::new(Closures::<RefCell<Closures<()>>>::new()));
        let inner = RefCell::new(Closures::<()>::new());
        queue.borrow_mut().push(
            |inner: &RefCell<Closures<()>>| inner.borrow_mut().push(|()| (), Location::caller()),
            here(),
        );
        assert!(call_first(&queue, &inner));
        assert!(!call_first(&queue, &inner));
        assert!(call_first(&inner, &()));
    }

    #[test]
    fn a_large_buffer_is_given_back_when_it_is_empty() {
        let queue = RefCell::new(Closures::<()>::new());
        let payload = [1_usize; 8];
        let many = KEPT / payload.len();
        for _ in 0..many {
            queue.borrow_mut().push(move |()| assert_eq!(payload[7], 1), here());
        }
        assert!(queue.borrow().capacity() > KEPT * size_of::<Word>());
        while call_first(&queue, &()) {}
        assert_eq!(queue.borrow().capacity(), 0);
    }
}
