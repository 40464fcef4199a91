//! The order of links in chains that are long, or whose links are large, or wait, or change the
//! type, or attach further ones while they run.
//!
//! Each link carries a number and says it when it runs. Those of a chain must say them in the order
//! in which they were attached, whatever lies between two of them.

use crate::support::{Shared, result_of, shared, small_stack, take};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};
use ropewalk_deferred::{Deferred, Failure, Promise, Result};
use std::cell::RefCell;
use std::rc::Rc;

/// What a link does besides.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Plain,
    /// Has a closure of 100 bytes.
    Wide,
    /// Has a closure of 2,000 bytes.
    Huge,
    /// Returns a deferred that is fired later.
    Waits,
    /// Returns a deferred that has its value.
    Nests,
    /// Makes another type of the value, and another link that of this one again.
    Turns,
    /// Attaches a further link at the end.
    Attaches,
}

#[derive(Default)]
struct World {
    said: RefCell<Vec<usize>>,
    /// The numbers of links that were attached by links.
    extra: RefCell<Vec<usize>>,
    waiting: RefCell<Vec<(Promise<usize>, usize)>>,
    end: Shared<Deferred<usize>>,
}

impl World {
    /// A link takes the number of the one before it.
    fn say(&self, before: usize, number: usize) -> Result<usize> {
        if before + 1 != number {
            return Err(Failure::msg(format!("{number} came after {before}")));
        }
        self.said.borrow_mut().push(number);
        Ok(number)
    }
}

fn attach(
    world: &Rc<World>,
    deferred: Deferred<usize>,
    kind: Kind,
    number: usize,
) -> Deferred<usize> {
    let world = Rc::clone(world);
    match kind {
        Kind::Plain => deferred.add_callback(move |before| world.say(before, number)),
        Kind::Wide => padded::<100>(world, deferred, number),
        Kind::Huge => padded::<2_000>(world, deferred, number),
        Kind::Waits => deferred.add_callback(move |before| {
            let (promise, deferred) = Deferred::new();
            match world.say(before, number) {
                Ok(number) => world.waiting.borrow_mut().push((promise, number)),
                Err(failure) => promise.errback(failure),
            }
            deferred
        }),
        Kind::Nests => deferred.add_callback(move |before| match world.say(before, number) {
            Ok(number) => Deferred::succeed(number).map(|number| number),
            Err(failure) => Deferred::fail(failure),
        }),
        Kind::Turns => deferred
            .add_callback(move |before| Ok(world.say(before, number)?.to_string()))
            .add_callback(|text| Ok(text.parse()?)),
        Kind::Attaches => deferred.add_callback(move |before| {
            world.extra.borrow_mut().push(number);
            let end = take(&world.end);
            if let Some(deferred) = end {
                let log = Rc::clone(&world);
                let deferred = deferred.map(move |last| {
                    log.extra.borrow_mut().push(number);
                    last
                });
                world.end.replace(Some(deferred));
            }
            world.say(before, number)
        }),
    }
}

fn padded<const SIZE: usize>(
    world: Rc<World>,
    deferred: Deferred<usize>,
    number: usize,
) -> Deferred<usize> {
    let mut padding = [0_u8; SIZE];
    padding[SIZE - 1] = number as u8;
    deferred.add_callback(move |before| {
        assert_eq!(padding[SIZE - 1], number as u8);
        world.say(before, number)
    })
}

fn check(kinds: &[Kind]) {
    let world = Rc::new(World::default());
    let (promise, deferred) = Deferred::new();
    let deferred = kinds
        .iter()
        .zip(1..)
        .fold(deferred, |deferred, (kind, number)| attach(&world, deferred, *kind, number));
    world.end.replace(take(&shared(deferred)));
    promise.callback(0);
    let mut waited = 0;
    loop {
        let next = world.waiting.borrow_mut().pop();
        let Some((promise, number)) = next else { break };
        waited += 1;
        promise.callback(number);
    }
    let end = take(&world.end).unwrap();
    assert_eq!(result_of(end).unwrap(), kinds.len());
    assert_eq!(*world.said.borrow(), (1..=kinds.len()).collect::<Vec<_>>());
    let count = |kind: fn(&Kind) -> bool| kinds.iter().filter(|one| kind(one)).count();
    assert_eq!(waited, count(|kind| matches!(kind, Kind::Waits)));
    // What a link attaches comes after all the others, in order.
    let attaching: Vec<_> = kinds
        .iter()
        .zip(1..)
        .filter(|(kind, _)| matches!(kind, Kind::Attaches))
        .map(|(_, number)| number)
        .collect();
    assert_eq!(*world.extra.borrow(), [&attaching[..], &attaching[..]].concat());
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        8 => Just(Kind::Plain),
        2 => Just(Kind::Wide),
        1 => Just(Kind::Huge),
        2 => Just(Kind::Waits),
        2 => Just(Kind::Nests),
        1 => Just(Kind::Turns),
        1 => Just(Kind::Attaches),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn links_run_in_order_whatever_lies_between_them(kinds in vec(kind(), 0..120)) {
        small_stack(|| check(&kinds));
    }
}

/// Each length at which a stack of links might be cut in another way.
#[test]
fn chains_of_every_length_run_in_order() {
    small_stack(|| {
        for length in 0..80 {
            check(&vec![Kind::Plain; length]);
            for waits in 0..length {
                let mut kinds = vec![Kind::Plain; length];
                kinds[waits] = Kind::Waits;
                check(&kinds);
            }
        }
    });
}

/// A wait in each link: what is left is put back each time.
#[test]
fn i10_a_chain_in_which_each_link_waits() {
    small_stack(|| check(&vec![Kind::Waits; 20_000]));
}
