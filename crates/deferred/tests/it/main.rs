//! The tests of `ropewalk-deferred`, one module for each topic.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

// one result, one chain: firing, attaching, order, what passes by
mod basics;
// links in order, also of long chains and large closures
mod order;
// the types that a closure may return, with no annotation
mod inference;
// deferreds returned from callbacks, and chains fired by chains
mod chaining;
// cancel, cancellers, handles, late results
mod cancel;
// failures that nobody handles, and promises that nobody fires
mod unhandled;
// one that begins without a chain
mod direct;
// awaiting a deferred
mod future;
// what a callback takes along from where it was attached
mod context;
// fired, dropped and extended where nobody would look for it
mod odd_places;
// what the drop of a deferred means
mod dropping;
// panics of callbacks, cancellers, drops, wakers and hooks
mod panics;
// callbacks that do anything to any chain, their own included
mod reentrancy;
// a million of everything on a small stack
mod depth;
// how much is allocated, and that it is given back
mod allocations;
// lists and their three flags
mod list;
// all values, or the first failure: of one type, and of several
mod gather;
mod join;
// the first value wins
mod race;
// what holds for every collection, and for one with a million members
mod collections;
mod many_members;
// random programs against a simple model
mod model;

// a lock, its guards and what it owns
mod lock;
// permits, one or many at a time
mod semaphore;
// values between those who put and those who get
mod queue;
// a flag that can be waited for
mod event;

// what the tests share: a log, a look at a result, a small stack
mod support;
// pending members of collections, whose cancellers count
mod members;
