//! The rule "the first value is enough", which a race and a list that fires on one callback share.
//!
//! Failures are kept in the order of the members until there is a value, or nothing else.

use crate::group::{Group, Kind};
use crate::{Cancelled, Deferred, Failure, FailureGroup, FirstError, Result};
use std::cell::RefCell;

type First<T> = Group<Failures, (usize, T)>;

struct Failures {
    kept: RefCell<Vec<Option<Failure>>>,
    fire_on_one_errback: bool,
}

impl Failures {
    fn keep(&self, index: usize, failure: Failure) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() <= index {
            kept.resize_with(index + 1, || None);
        }
        kept[index] = Some(failure);
    }
}

#[track_caller]
pub(crate) fn first_of<T>(
    kind: Kind,
    members: Vec<Deferred<T>>,
    consume_errors: bool,
    fire_on_one_errback: bool,
) -> Deferred<(usize, T)> {
    let failures = Failures { kept: RefCell::default(), fire_on_one_errback };
    let group = Group::new(kind, consume_errors, members.len(), failures);
    if members.is_empty() {
        group.fail(FailureGroup::new(Vec::new()), false);
    }
    for (index, member) in members.into_iter().enumerate() {
        group.add(index, member, arrived);
    }
    group.start()
}

fn arrived<T>(group: &First<T>, index: usize, result: Result<T>) -> Result<()> {
    if group.is_decided() {
        return group.late(result);
    }
    match result {
        Ok(value) => {
            // Closed first: a failure that is given back may meet a hook, which may do anything.
            group.close(Ok((index, value)));
            for (index, failure) in group.slots.kept.take().into_iter().enumerate() {
                if let Some(failure) = failure {
                    group.give_back(index, failure);
                }
            }
            group.conclude();
        }
        Err(failure) if group.slots.fire_on_one_errback => {
            let by_cancel = failure.is::<Cancelled>();
            group.fail(FirstError::new(index, failure), by_cancel);
        }
        Err(failure) => {
            group.slots.keep(index, failure);
            if group.pending() == 0 {
                let failures: Vec<_> = group.slots.kept.take().into_iter().flatten().collect();
                let by_cancel = failures.iter().any(Failure::is::<Cancelled>);
                group.fail(FailureGroup::new(failures), by_cancel);
            }
        }
    }
    Ok(())
}
