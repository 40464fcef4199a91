//! `react` as the whole of a process: its exit code, and what it prints.
//!
//! A program of its own without the test harness, which has no way to end with an `ExitCode`. It
//! runs itself once for each case.
#![expect(clippy::unwrap_used, reason = "a test, which the lint does not see without a harness")]

use ropewalk_deferred::{Deferred, Failure, Result, gather_results, race};
use ropewalk_reactor::{Reactor, SystemEvent};
use ropewalk_task::{ExitWith, ReactorTask, react, react_on};
use ropewalk_testing::{DEADLINE, within};
use std::env;
use std::fmt;
use std::process::{Command, ExitCode};
use std::time::Duration;

const CHILD: &str = "ROPEWALK_REACT_CHILD";
const MS: Duration = Duration::from_millis(1);

struct Case {
    name: &'static str,
    main: fn() -> ExitCode,
    code: i32,
    /// All of what is printed but for the line of the panic hook; `{file}` stands for this file.
    prints: &'static str,
}

fn number(text: &str) -> Result<u32> {
    text.parse().map_err(|error| Failure::from(error).context("the number cannot be read"))
}

/// A failure whose text cannot be shown.
#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no text")
    }
}

impl std::error::Error for Unspeakable {}

/// A failure whose cause is an exit code.
#[derive(Debug)]
struct Usage;

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("give the rope a length")
    }
}

impl std::error::Error for Usage {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&ExitWith(66))
    }
}

/// B189 and W33.
const CASES: &[Case] = &[
    Case { name: "b189_nothing_to_wait_for", main: || react(|_| ()), code: 0, prints: "" },
    Case {
        name: "b189_a_deferred",
        main: || react(|reactor| reactor.sleep(MS)),
        code: 0,
        prints: "",
    },
    Case {
        name: "b189_a_failure_with_its_cause",
        main: || react(|_| number("x").map(drop)),
        code: 1,
        prints: "error: the number cannot be read: invalid digit found in string\n",
    },
    Case {
        name: "b189_a_failure_that_comes_later",
        main: || react(|reactor| reactor.spawn(async { number("x").map(drop) })),
        code: 1,
        prints: "error: the number cannot be read: invalid digit found in string\n",
    },
    Case {
        name: "i3_a_panic",
        main: || react(|_| -> Result<()> { panic!("out of rope") }),
        code: 1,
        prints: "error: the code handed over at {file} panicked: out of rope\n",
    },
    Case {
        name: "i3_a_failure_that_cannot_be_shown",
        main: || react(|_| Err(Unspeakable.into())),
        code: 1,
        prints: "error: a failure that panicked when it was to be shown\n",
    },
    Case {
        name: "b189_a_code_says_nothing",
        main: || react(|_| Err(ExitWith(3).into())),
        code: 3,
        prints: "",
    },
    Case {
        name: "b189_a_code_of_zero_is_a_success",
        main: || react(|reactor| reactor.defer_later(MS, |_| Err(ExitWith(0).into()))),
        code: 0,
        prints: "",
    },
    Case {
        name: "b189_a_failure_that_has_a_code",
        main: || react(|_| number("x").map(drop).map_err(|failure| failure.context(ExitWith(64)))),
        code: 64,
        prints: "error: the number cannot be read: invalid digit found in string\n",
    },
    Case {
        name: "b189_a_code_that_has_a_context",
        main: || react(|_| Err(Failure::from(ExitWith(65)).context("there is no rope"))),
        code: 65,
        prints: "error: there is no rope\n",
    },
    Case {
        name: "b189_a_failure_whose_cause_is_a_code",
        main: || react(|_| Err(Usage.into())),
        code: 66,
        prints: "error: give the rope a length\n",
    },
    Case {
        name: "b189_a_code_in_what_a_cooperative_task_has_failed_with",
        main: || {
            react(|reactor| {
                let why = Failure::msg("why").context(ExitWith(9));
                reactor.cooperate([Err::<(), _>(why)]).when_done()
            })
        },
        code: 9,
        prints: "error: a cooperative task has failed: why\n",
    },
    Case {
        name: "b189_a_code_in_what_a_member_has_failed_with",
        main: || {
            react(|_| {
                let member = Deferred::<()>::fail(Failure::msg("why").context(ExitWith(10)));
                gather_results([member]).add_callback(|_| ())
            })
        },
        code: 10,
        prints: "error: the deferred at index 0 failed: why\n",
    },
    Case {
        name: "b189_a_code_in_what_one_of_all_members_has_failed_with",
        main: || {
            react(|_| {
                let quiet = Deferred::<()>::fail(Failure::msg("why"));
                let coded = Deferred::fail(Failure::msg("that is why").context(ExitWith(11)));
                race([quiet, coded]).add_callback(|_| ())
            })
        },
        code: 11,
        prints: "error: all 2 deferreds failed: why; exit with code 11: that is why\n",
    },
    Case {
        name: "b189_w33_stopped_before_it_was_done",
        main: || {
            react(|reactor| {
                reactor.call_later(MS, Reactor::stop);
                reactor.spawn(std::future::pending::<()>())
            })
        },
        code: 1,
        prints: "error: the reactor was stopped before there was a result\n",
    },
    Case {
        name: "b189_stopped_by_main_which_is_done",
        main: || react(|reactor| reactor.stop()),
        code: 0,
        prints: "",
    },
    Case {
        name: "b189_two_errors_are_both_printed",
        main: || {
            let reactor = Reactor::builder().shutdown_deadline(MS).build().unwrap();
            let _hold = reactor.hold_with(SystemEvent::Shutdown, || vec!["a knot".to_owned()]);
            react_on(&reactor, |_| Deferred::<()>::fail(ExitWith(7)).add_errback(Err))
        },
        code: 7,
        prints: "error: the shutdown ended with 1 thing unfinished: a knot\n",
    },
    Case {
        name: "b189_a_success_with_an_unclean_end_is_none",
        main: || {
            let reactor = Reactor::builder().shutdown_deadline(MS).build().unwrap();
            let _hold = reactor.hold_with(SystemEvent::Shutdown, || vec!["a knot".to_owned()]);
            react_on(&reactor, |_| ())
        },
        code: 1,
        prints: "error: the shutdown ended with 1 thing unfinished: a knot\n",
    },
];

impl Case {
    fn check(&self) {
        let mut child = Command::new(env::current_exe().unwrap());
        child.env(CHILD, self.name).env("RUST_BACKTRACE", "0");
        let output = within(DEADLINE, || child.output()).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        // The hook's text begins with an empty line and ends with the note on backtraces.
        let printed = errors.find("error: ").map_or("", |start| &errors[start..]);
        assert_eq!(strip_lines(printed), self.prints, "{}: {errors}", self.name);
        assert!(self.prints.contains("panicked") || errors == printed, "{}: {errors}", self.name);
        assert_eq!(output.status.code(), Some(self.code), "{}: {errors}", self.name);
    }
}

/// Puts `{file}` where this file is named, with a line and a column.
fn strip_lines(text: &str) -> String {
    let Some((before, after)) = text.split_once(file!()) else { return text.to_owned() };
    let rest = after.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit());
    format!("{before}{{file}}{rest}")
}

/// With the feature, a signal is a stop like any other.
#[cfg(all(feature = "signals", unix))]
mod signals {
    use super::{CHILD, DEADLINE, ExitCode, MS, ReactorTask as _, env, react, within};
    use ropewalk_deferred::Deferred;
    use ropewalk_reactor::{Phase, SystemEvent};
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::{Command, Stdio};

    const READY: &str = "ready";

    #[expect(clippy::print_stdout, reason = "the parent reads it")]
    fn ready() {
        println!("{READY}");
    }

    pub(super) fn waits_for_ever() -> ExitCode {
        react(|reactor| {
            ready();
            reactor.spawn(std::future::pending::<()>())
        })
    }

    pub(super) fn ends_in_an_orderly_way() -> ExitCode {
        react(|reactor| {
            ready();
            let (promise, done) = Deferred::new();
            let hold = reactor.hold(SystemEvent::Shutdown);
            reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |reactor| {
                reactor.sleep(MS).chain_deferred(promise);
            });
            done.map(|()| drop(hold))
        })
    }

    pub(super) fn check() {
        let stopped = "error: the reactor was stopped before there was a result\n";
        for (name, code, prints) in [("waits", 1, stopped), ("orderly", 0, "")] {
            for signal in ["INT", "TERM"] {
                within(DEADLINE, || {
                    let mut command = Command::new(env::current_exe().unwrap());
                    command.env(CHILD, name).stdout(Stdio::piped()).stderr(Stdio::piped());
                    let mut child = command.spawn().unwrap();
                    let output = BufReader::new(child.stdout.take().unwrap());
                    assert!(output.lines().any(|line| line.unwrap() == READY));
                    // The shell's own `kill`: there need not be a program of that name.
                    let kill = format!("kill -{signal} {}", child.id());
                    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
                    assert_eq!(child.wait().unwrap().code(), Some(code), "{name} {signal}");
                    let mut errors = String::new();
                    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
                    assert_eq!(errors, prints, "{name} {signal}");
                });
            }
        }
    }
}

fn main() -> ExitCode {
    if let Ok(child) = env::var(CHILD) {
        #[cfg(all(feature = "signals", unix))]
        match child.as_str() {
            "waits" => return signals::waits_for_ever(),
            "orderly" => return signals::ends_in_an_orderly_way(),
            _ => {}
        }
        let case = CASES.iter().find(|case| case.name == child);
        return case.map_or(ExitCode::from(99), |case| (case.main)());
    }
    CASES.iter().for_each(Case::check);
    #[cfg(all(feature = "signals", unix))]
    signals::check();
    ExitCode::SUCCESS
}
