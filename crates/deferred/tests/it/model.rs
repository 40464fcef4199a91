//! Random programs, run on real chains and on a simple model; both must log the same.
//!
//! The model is the same rules written in the plainest way: recursive, with indices for pointers,
//! nothing cut out and nothing queued. A program knows nothing of results: it is a list of steps,
//! each of which is skipped where the end that it needs has gone.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

mod ideal;
mod real;

/// Which results a link handles; the others pass it by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum On {
    Value,
    Failure,
    Both,
}

/// What a link does with the result that it gets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Returns the number of the link.
    Value,
    Fail,
    Panic,
    /// Returns the deferred at the end of that chain, if it can be had when the link is attached.
    Return(usize),
    /// Fires the promise of that chain, if it can be had when the link is attached.
    Fire(usize),
    /// Cancels what its own chain waits for, which is nothing, and then that other chain.
    Cancel(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    New { canceller: bool },
    Attach { chain: usize, on: On, act: Act },
    Fire { chain: usize, value: bool },
    Abandon(usize),
    Cancel(usize),
    Drop(usize),
    Chain { from: usize, to: usize },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::Value),
        1 => Just(Act::Fail),
        1 => Just(Act::Panic),
        4 => (0..8_usize).prop_map(Act::Return),
        2 => (0..8_usize).prop_map(Act::Fire),
        1 => (0..8_usize).prop_map(Act::Cancel),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let on = prop_oneof![3 => Just(On::Value), 1 => Just(On::Failure), 2 => Just(On::Both)];
    let chain = 0..8_usize;
    prop_oneof![
        4 => any::<bool>().prop_map(|canceller| Op::New { canceller }),
        8 => (chain.clone(), on, act()).prop_map(|(chain, on, act)| Op::Attach { chain, on, act }),
        3 => (chain.clone(), any::<bool>()).prop_map(|(chain, value)| Op::Fire { chain, value }),
        1 => chain.clone().prop_map(Op::Abandon),
        2 => chain.clone().prop_map(Op::Cancel),
        1 => chain.clone().prop_map(Op::Drop),
        2 => (chain.clone(), chain).prop_map(|(from, to)| Op::Chain { from, to }),
    ]
}

fn program() -> impl Strategy<Value = Vec<Op>> {
    proptest::collection::vec(op(), 0..40).prop_map(|mut program| {
        // Chains exist before they are spoken of, in most programs.
        for canceller in [true, false, true, false] {
            program.insert(0, Op::New { canceller });
        }
        program
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i2_random_programs_log_what_the_model_logs(program in program()) {
        assert_eq!(real::run(&program, false), ideal::run(&program));
    }

    #[test]
    fn cancel_handles_change_nothing_but_what_can_be_cancelled(program in program()) {
        assert_eq!(real::run(&program, true), ideal::run(&program));
    }
}
