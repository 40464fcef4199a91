//! The command line: `[SECONDS [SEED]]`, among whatever `cargo test` hands to every test binary.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// How long when nobody says: enough to notice that it is broken, not enough to be waited for.
const DEFAULT_TIME: Duration = Duration::from_secs(1);

/// Options of the usual harness whose value is an argument of its own.
const WITH_VALUE: &[&str] = &["--color", "--format", "--logfile", "--skip", "--test-threads", "-Z"];

/// What to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments {
    /// For how long.
    pub(super) time: Duration,
    /// What all random choices follow from.
    pub(super) seed: u64,
    /// Print the account also when it holds.
    pub(super) is_told: bool,
}

impl Arguments {
    /// Those that the process was given, without its name.
    ///
    /// `None` if nothing is to be run: the tests are to be listed, or others are asked for.
    pub(super) fn read(arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut numbers = Vec::new();
        let mut filters = Vec::new();
        let mut is_value = false;
        for argument in arguments {
            if argument == "--list" {
                return None;
            }
            let is_skipped = std::mem::take(&mut is_value) || argument.starts_with('-');
            is_value = WITH_VALUE.contains(&argument.as_str());
            match argument.parse::<u64>() {
                _ if is_skipped => {}
                Ok(number) => numbers.push(number),
                Err(_) => filters.push(argument),
            }
        }
        if !filters.is_empty() && !filters.iter().any(|filter| "soak".contains(filter.as_str())) {
            return None;
        }
        let time = numbers.first().map(|&seconds| Duration::from_secs(seconds));
        Some(Self {
            time: time.unwrap_or(DEFAULT_TIME),
            // The hasher of std begins with bits from the system: no clock is asked.
            seed: numbers.get(1).copied().unwrap_or_else(|| RandomState::new().hash_one(0) >> 32),
            is_told: time.is_some(),
        })
    }
}
