//! What the command line asks for.

use crate::child::Order;
use crate::placement::Placement;
use crate::workload::{Workload, find, named};
use crate::workloads::{ALL, GROUPS, crowd};

const ROUNDS: usize = 9;
const QUICK_ROUNDS: usize = 3;

pub(crate) enum Request {
    Help,
    List,
    Syscalls,
    Run(Options),
    /// From this program to itself: one contestant, once.
    Child(Order),
    /// From a child to itself: the clients.
    Crowd(crowd::Order),
}

pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    pub(crate) workloads: Vec<&'static Workload>,
}

pub(crate) fn usage() -> String {
    let names: Vec<_> = ALL.iter().map(|workload| workload.name).collect();
    let groups: Vec<_> = GROUPS.iter().map(|(group, _)| *group).collect();
    format!(
        "usage: cargo xtask bench [--quick] [--rounds N] [--list] [WORKLOAD]...\n\
         \x20      cargo xtask bench syscalls\n\n\
         \x20 --quick     few operations and {QUICK_ROUNDS} rounds: does it work, not how fast is it\n\
         \x20 --rounds N  rounds per table, {ROUNDS} if not said\n\
         \x20 --list      what there is to run, and who takes part\n\
         \x20 syscalls    system calls per operation, of some, with strace if it is there\n\n\
         workloads: {}\n\
         several at once: {}",
        names.join(", "),
        groups.join(", ")
    )
}

pub(crate) fn parse(arguments: &[String]) -> Result<Request, String> {
    if let Some((first, order)) = arguments.split_first() {
        if first == Order::FLAG {
            return child_order(order).map(Request::Child);
        }
        if first == crowd::Order::FLAG {
            let order = crowd::Order::parse(order);
            return order.map(Request::Crowd).ok_or_else(|| format!("{first} takes other words"));
        }
    }
    if arguments == ["syscalls"] {
        return Ok(Request::Syscalls);
    }
    let (mut quick, mut rounds, mut workloads) = (false, None, Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "-h" | "--help" => return Ok(Request::Help),
            "--list" => return Ok(Request::List),
            "--quick" => quick = true,
            "--rounds" => rounds = Some(number("--rounds", rest.next())?),
            flag if flag.starts_with('-') => return Err(format!("there is no option {flag}")),
            name => {
                let named = named(name);
                if named.is_empty() {
                    return Err(format!("there is no workload {name}"));
                }
                workloads.extend(named);
            }
        }
    }
    if workloads.is_empty() {
        workloads.extend(ALL);
    }
    let rounds = rounds.unwrap_or(if quick { QUICK_ROUNDS } else { ROUNDS });
    Ok(Request::Run(Options { quick, rounds, workloads }))
}

fn child_order(words: &[String]) -> Result<Order, String> {
    let [workload, contestant, placement, operations] = words else {
        return Err(format!("{} takes four words", Order::FLAG));
    };
    let workload = find(workload).ok_or_else(|| format!("there is no workload {workload}"))?;
    let contestant = workload.contestants.iter().find(|one| one.name == contestant);
    Ok(Order {
        workload,
        contestant: contestant.ok_or("there is no such contestant")?,
        placement: Placement::parse(placement).ok_or("there is no such placement")?,
        operations: number("operations", Some(operations))?,
    })
}

fn number(what: &str, word: Option<&String>) -> Result<usize, String> {
    let number = word.and_then(|word| word.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| format!("{what} needs a number above 0"))
}

#[cfg(test)]
mod tests {
    use super::{QUICK_ROUNDS, Request, parse};
    use crate::workloads::ALL;

    fn parsed(line: &str) -> Result<Request, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn nothing_asked_for_is_everything() {
        let Ok(Request::Run(options)) = parsed("--quick") else { panic!("no run") };
        assert!(options.quick);
        assert_eq!((options.rounds, options.workloads.len()), (QUICK_ROUNDS, ALL.len()));
    }

    #[test]
    fn names_and_rounds_are_taken() {
        let Ok(Request::Run(options)) = parsed("defer --rounds 4 calls") else { panic!("no run") };
        let names: Vec<_> = options.workloads.iter().map(|workload| workload.name).collect();
        assert_eq!((options.quick, options.rounds, names), (false, 4, vec!["defer", "calls"]));
    }

    #[test]
    fn a_group_is_all_of_its_workloads() {
        let Ok(Request::Run(options)) = parsed("chain") else { panic!("no run") };
        assert!(options.workloads.iter().any(|workload| workload.name == "chain_pending"));
        assert!(options.workloads.iter().all(|workload| workload.name.starts_with("chain_")));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, word) in [
            ("calls sprint", "sprint"),
            ("--fast", "--fast"),
            ("--rounds", "--rounds"),
            ("--rounds 0", "--rounds"),
            ("--child calls", "--child"),
            ("--crowd 7", "--crowd"),
        ] {
            let Err(mistake) = parsed(line) else { panic!("{line} was accepted") };
            assert!(mistake.contains(word), "{mistake}");
        }
    }
}
