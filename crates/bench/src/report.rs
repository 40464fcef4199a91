//! What is printed: Markdown, so that it can be kept.

use crate::contest::{Outcome, Standing};
use crate::workload::{Figure, Role, Setting, Workload};
use crate::workloads::ALL;
use std::fs;
use std::thread;

pub(crate) fn list() {
    for workload in ALL {
        println!("{}: {}", workload.name, workload.about);
        for setting in workload.settings {
            println!("    {} operations, {}", setting.operations, setting.placement);
        }
        let names: Vec<_> = workload.contestants.iter().map(|one| one.name).collect();
        println!("    {}", names.join("; "));
    }
}

/// On what the figures were taken, and how busy it was with other things.
pub(crate) fn machine() {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name"));
    let model =
        model.map_or("unknown processor", |model| model.trim_start_matches([' ', '\t', ':']));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!("{cores} cores of {model}, Linux {}, load {}", kernel.trim(), load());
}

/// Of the last minute: how many threads wanted to run.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// Prints one table; says how many contestants failed.
pub(crate) fn table(workload: &Workload, setting: &Setting, outcome: &Outcome) -> usize {
    let Outcome { operations, rounds, .. } = outcome;
    println!("\n### {}, {}\n", workload.name, setting.placement);
    println!("{}; {operations} operations, {rounds} rounds, ns each.\n", workload.about);
    println!(
        "| contestant | min | median | p99 | processor | × floor | × best peer |{}",
        end(workload, " order |")
    );
    println!("|---|---:|---:|---:|---:|---:|---:|{}", end(workload, "---|"));
    let mut ranked: Vec<_> = outcome.standings.iter().collect();
    ranked.sort_by(|one, other| one.median().total_cmp(&other.median()));
    for standing in ranked {
        println!("{}", row(workload, outcome, standing));
    }
    verdict(setting, outcome);
    println!("\nLoad of the machine at the end: {}.", load());
    let failures = outcome.standings.iter().filter_map(|one| Some((one, one.failure.as_ref()?)));
    let failures =
        failures.map(|(one, failure)| println!("\n{}: {failure:#}", one.contestant.name));
    failures.count()
}

/// Order is a question only where many operations of one thread are under way.
fn end<'a>(workload: &Workload, column: &'a str) -> &'a str {
    if workload.figure == Figure::Throughput && workload.in_flight == 0 { column } else { "" }
}

fn row(workload: &Workload, outcome: &Outcome, standing: &Standing) -> String {
    let name = match standing.contestant.role {
        Role::Ours => format!("**{}**", standing.contestant.name),
        _ => standing.contestant.name.to_owned(),
    };
    if standing.failure.is_some() {
        return format!("| {name} | failed | | | | | |{}", end(workload, " |"));
    }
    let ratio = |other: Option<&Standing>| {
        other.map_or(String::new(), |other| times(standing.ratio(other)))
    };
    let order = if standing.in_order { " kept |" } else { " lost |" };
    format!(
        "| {name} | {} | {} | {} | {} | {} | {} |{}",
        nanoseconds(standing.min()),
        nanoseconds(standing.median()),
        nanoseconds(standing.p99()),
        nanoseconds(standing.busy()),
        ratio(outcome.of(Role::Floor)),
        ratio(outcome.best_peer()),
        end(workload, order),
    )
}

/// Where we stand, in one line.
fn verdict(setting: &Setting, outcome: &Outcome) {
    let (Some(ours), Some(floor)) = (outcome.of(Role::Ours), outcome.of(Role::Floor)) else {
        return;
    };
    let to_floor = ours.ratio(floor);
    let goal = setting.goal.map_or(String::new(), |goal| {
        let word = if to_floor <= goal { "met" } else { "missed" };
        format!(" (goal: at most {}, {word})", times(goal))
    });
    let peer = outcome.best_peer().map_or(String::new(), |peer| {
        format!(", {} the best peer, {}", times(ours.ratio(peer)), peer.contestant.name)
    });
    println!("\n{}: {} the floor{goal}{peer}.", ours.contestant.name, times(to_floor));
}

fn times(ratio: f64) -> String {
    format!("{ratio:.2} ×")
}

/// With a comma after each three digits; one decimal below a hundred. Nothing for what there is not.
fn nanoseconds(value: f64) -> String {
    if value.is_nan() {
        return String::new();
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::nanoseconds;

    #[test]
    fn digits_are_grouped() {
        assert_eq!(nanoseconds(41.26), "41.3");
        assert_eq!(nanoseconds(999.6), "1,000");
        assert_eq!(nanoseconds(1_234_567.0), "1,234,567");
        assert_eq!(nanoseconds(123.0), "123");
        assert_eq!(nanoseconds(f64::NAN), "");
    }
}
