//! Random programs, run on real chains and on a simple model; both must log the same.
//!
//! The model is the same rules written in the plainest way: recursive, with indices for pointers,
//! nothing cut out and nothing queued. On real chains, every value, failure, closure and waker
//! counts itself: at the end of a program none may be left, and no closure has run twice.
//!
//! `PROPTEST_CASES` says how many programs there are to be.

use self::program::{Op, program};
use crate::support::alone;
use proptest::prelude::{ProptestConfig, proptest};
use proptest::test_runner::TestRunner;
use ropewalk_deferred::{live_deferreds, set_debugging};
use std::env;

mod found;
mod ideal;
mod program;
mod real;

fn config() -> ProptestConfig {
    let asked = env::var_os("PROPTEST_CASES").is_some();
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if asked { default } else { ProptestConfig { cases: 2_048, ..default } }
}

/// With `handles`, there is a handle to each chain, and cancelling goes through that.
fn compare(program: &[Op], handles: bool) {
    assert_eq!(real::run(program, handles), ideal::run(program, handles));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn i2_random_programs_log_what_the_model_logs(program in program()) {
        compare(&program, false);
    }

    #[test]
    fn i2_random_programs_with_a_handle_to_each_chain(program in program()) {
        compare(&program, true);
    }
}

/// Chains remember more then, and go on where others would have been given up.
#[test]
fn i2_random_programs_in_debug_mode() {
    // The mode is one of the whole process, and call stacks take their time: fewer, on their own.
    alone(|| {
        set_debugging(true);
        let config = config();
        let mut runner = TestRunner::new(ProptestConfig { cases: config.cases / 8, ..config });
        let ran = runner.run(&program(), |program| {
            compare(&program, false);
            compare(&program, true);
            assert!(live_deferreds().is_empty());
            Ok(())
        });
        ran.unwrap();
    });
}
