//! The rounds: one after the other until the time is over, or one goes wrong.

use std::env;
use std::fmt::Display;
use std::io;
use std::ops::AddAssign;
use std::process::ExitCode;
use std::time::Instant;

use super::arguments::Arguments;
use super::panics;

/// Plays rounds for as long as the process was told to, and ends it with what this gives.
///
/// `subject` is what is soaked. `play` plays the round of a seed, and gives its account and what was
/// wrong. The accounts of all rounds are added up and printed; of a round that goes wrong, its
/// account alone, and its seed.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a part of programs for the terminal"
)]
pub fn play_rounds<A>(
    subject: &str,
    mut play: impl FnMut(u64) -> io::Result<(A, Vec<String>)>,
) -> ExitCode
where
    A: AddAssign + Copy + Default + Display,
{
    let Some(arguments) = Arguments::read(env::args().skip(1)) else { return ExitCode::SUCCESS };
    panics::notice_unplanned();
    let Arguments { time, seed, is_told } = arguments;
    if is_told {
        println!("soak: {subject} for {time:?}, seed {seed}");
    }
    let began = Instant::now();
    let mut total = A::default();
    for seed in (0..).map(|count| seed.wrapping_add(count)) {
        let (account, complaints) = match play(seed) {
            Ok(played) => played,
            Err(error) => {
                eprintln!("soak: the system does not let us: {error}");
                return ExitCode::FAILURE;
            }
        };
        total += account;
        if !complaints.is_empty() || panics::was_unplanned() {
            complaints.iter().for_each(|complaint| eprintln!("  {complaint}"));
            eprintln!("{account}\nsoak: failed; repeat with the seed {seed}");
            return ExitCode::FAILURE;
        }
        if began.elapsed() >= time {
            break;
        }
    }
    if is_told {
        println!("{total}");
    }
    ExitCode::SUCCESS
}
