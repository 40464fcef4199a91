//! Random programs on a semaphore and on a lock; both must log what the same rules, written in the
//! plainest way, log.
//!
//! A step is skipped where what it speaks of is not there. Callbacks do steps of their own, but few
//! enough for all of it to be nested (`crate::depth` has the others).

use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};

mod ideal;
mod real;

/// What a callback does as soon as it has its permit, or the failure instead of one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Nothing,
    Release(usize),
    Cancel(usize),
    Acquire,
    Panic,
}

/// Those who ask are numbered in the order in which they do.
#[derive(Clone, Copy, Debug)]
enum Op {
    Acquire(Act),
    TryAcquire,
    /// Runs a function that acts and then returns a deferred without a result.
    Run(Act),
    /// Drops the permit, or brings the result of the deferred.
    Release(usize),
    Cancel(usize),
    Drop(usize),
    Detach(usize),
    /// Drops the semaphore itself.
    Forget,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => Just(Act::Nothing),
        3 => (0..12_usize).prop_map(Act::Release),
        2 => (0..12_usize).prop_map(Act::Cancel),
        1 => Just(Act::Acquire),
        1 => Just(Act::Panic),
    ]
}

fn program() -> impl Strategy<Value = Vec<Op>> {
    let one = 0..12_usize;
    let op = prop_oneof![
        6 => act().prop_map(Op::Acquire),
        1 => Just(Op::TryAcquire),
        4 => act().prop_map(Op::Run),
        6 => one.clone().prop_map(Op::Release),
        3 => one.clone().prop_map(Op::Cancel),
        1 => one.clone().prop_map(Op::Drop),
        1 => one.prop_map(Op::Detach),
        1 => Just(Op::Forget),
    ];
    proptest::collection::vec(op, 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn b175_random_programs_on_a_semaphore(tokens in 1..4_usize, program in program()) {
        assert_eq!(real::on_a_semaphore(tokens, &program), ideal::run(tokens, &program));
    }

    #[test]
    fn b174_random_programs_on_a_lock(program in program()) {
        assert_eq!(real::on_a_lock(&program), ideal::run(1, &program));
    }
}
