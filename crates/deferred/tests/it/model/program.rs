//! Programs: what may be done to chains, and how a random one comes about.
//!
//! A program knows nothing of results. What it names by a number is a chain that it has made: the
//! end that the program holds of it, or its promise. A step that needs one that has gone is skipped.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

/// Which results a link handles; the others pass it by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum On {
    Value,
    Failure,
    Both,
    /// Two closures at one place, one of which is called.
    Each,
}

/// What a link does with the result that it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Act {
    /// Returns the number of the link.
    Value,
    Fail,
    Panic,
    /// Returns the deferred at the end of that chain, if it can be had when the link is attached.
    Return(usize),
    /// The same, if it can be had when the link runs: its own may be among them.
    ReturnNow(usize),
    /// Makes a chain whose promise the program gets, wraps its end into so many chains that wait
    /// for it, and returns the outermost.
    Nest(usize),
    /// Fires the promise of that chain, if it can be had when the link is attached.
    Fire(usize),
    /// Does what the program itself might do.
    Do(Deed),
    /// Says that it has got a failure, and nothing of values.
    Report,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Canceller {
    #[default]
    None,
    Idle,
    /// Fires the promise, if the program still has it.
    Fires,
    Panics,
    /// Does what the program itself might do.
    Does(Deed),
}

/// What is done at once to chains that are there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Deed {
    Fire { chain: usize, value: bool },
    Abandon(usize),
    Cancel(usize),
    CancelOnDrop(usize),
    Drop(usize),
    Detach(usize),
    DropHandle(usize),
    Chain { from: usize, to: usize },
    Map(usize),
    OnFailure(usize),
    TryTake(usize),
    Poll(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    New(Canceller),
    /// One that has its result already.
    Ready {
        value: bool,
    },
    Attach {
        chain: usize,
        on: On,
        act: Act,
        /// The type of the value changes on its way to the link.
        turn: bool,
    },
    Do(Deed),
}

/// The chains that are spoken of; those that are made later are only there to be ended.
const CHAINS: usize = 6;

fn chain() -> impl Strategy<Value = usize> {
    0..CHAINS
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (chain(), any::<bool>()).prop_map(|(chain, value)| Deed::Fire { chain, value }),
        2 => chain().prop_map(Deed::Abandon),
        4 => chain().prop_map(Deed::Cancel),
        2 => chain().prop_map(Deed::CancelOnDrop),
        2 => chain().prop_map(Deed::Drop),
        1 => chain().prop_map(Deed::Detach),
        1 => chain().prop_map(Deed::DropHandle),
        4 => (chain(), chain()).prop_map(|(from, to)| Deed::Chain { from, to }),
        2 => chain().prop_map(Deed::Map),
        1 => chain().prop_map(Deed::OnFailure),
        1 => chain().prop_map(Deed::TryTake),
        3 => chain().prop_map(Deed::Poll),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::Value),
        1 => Just(Act::Fail),
        1 => Just(Act::Panic),
        4 => chain().prop_map(Act::Return),
        2 => chain().prop_map(Act::ReturnNow),
        2 => (0..4_usize).prop_map(Act::Nest),
        2 => chain().prop_map(Act::Fire),
        3 => deed().prop_map(Act::Do),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let on = prop_oneof![
        3 => Just(On::Value),
        1 => Just(On::Failure),
        1 => Just(On::Both),
        1 => Just(On::Each),
    ];
    prop_oneof![
        3 => canceller().prop_map(Op::New),
        1 => any::<bool>().prop_map(|value| Op::Ready { value }),
        8 => (chain(), on, act(), any::<bool>())
            .prop_map(|(chain, on, act, turn)| Op::Attach { chain, on, act, turn }),
        9 => deed().prop_map(Op::Do),
    ]
}

fn canceller() -> impl Strategy<Value = Canceller> {
    prop_oneof![
        4 => Just(Canceller::None),
        2 => Just(Canceller::Idle),
        1 => Just(Canceller::Fires),
        1 => Just(Canceller::Panics),
        2 => deed().prop_map(Canceller::Does),
    ]
}

pub(crate) fn program() -> impl Strategy<Value = Vec<Op>> {
    vec(op(), 0..40).prop_map(|mut program| {
        // Most are there before they are spoken of.
        for canceller in [Canceller::Idle, Canceller::None, Canceller::Fires, Canceller::None] {
            program.insert(0, Op::New(canceller));
        }
        program.insert(0, Op::Ready { value: true });
        program
    })
}
