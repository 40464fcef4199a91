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
            let amount = amount(workload, setting.operations);
            println!("    {amount}, {}", setting.placement);
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
    let (columns, unit) = (columns(workload), unit(workload));
    println!("\n### {}, {}\n", workload.name, setting.placement);
    let amount = amount(workload, *operations);
    println!("{}; {amount}, {rounds} rounds, {unit}.\n", workload.about);
    let heads: String = columns.iter().map(|column| format!(" {} |", column.head)).collect();
    let rules: String = columns.iter().map(|column| column.rule).collect();
    println!("| contestant |{heads}\n|---|{rules}");
    let mut ranked: Vec<_> = outcome.standings.iter().collect();
    ranked.sort_by(|one, other| one.median().total_cmp(&other.median()));
    for standing in ranked {
        println!("{}", row(&columns, outcome, standing));
    }
    verdict(workload, setting, outcome);
    println!("\nLoad of the machine at the end: {}.", load());
    let mut failed = 0;
    for standing in &outcome.standings {
        if let Some(failure) = &standing.failure {
            println!("\n{}: {failure:#}.", standing.contestant.name);
            failed += usize::from(standing.skipped().is_none());
        }
    }
    failed
}

struct Column {
    head: &'static str,
    rule: &'static str,
    cell: fn(&Outcome, &Standing) -> String,
}

impl Column {
    const MIN: Self = Self::figure("min", |_, standing| number(standing.min()));
    const MEDIAN: Self = Self::figure("median", |_, standing| number(standing.median()));
    const MAX: Self = Self::figure("max", |_, standing| number(standing.max()));
    const P99: Self = Self::figure("p99", |_, standing| number(standing.p99()));
    const PROCESSOR: Self = Self::figure("processor", |_, standing| number(standing.busy()));
    const TO_FLOOR: Self =
        Self::figure("× floor", |outcome, standing| ratio(standing, outcome.of(Role::Floor)));
    const TO_PEER: Self =
        Self::figure("× best peer", |outcome, standing| ratio(standing, outcome.best_peer()));
    const ORDER: Self = Self {
        head: "order",
        rule: "---|",
        cell: |_, standing| (if standing.in_order { "kept" } else { "lost" }).to_owned(),
    };

    const fn figure(head: &'static str, cell: fn(&Outcome, &Standing) -> String) -> Self {
        Self { head, rule: "---:|", cell }
    }
}

fn columns(workload: &Workload) -> Vec<Column> {
    let mut columns = vec![Column::MIN, Column::MEDIAN];
    if workload.figure == Figure::Count {
        columns.push(Column::MAX);
        return columns;
    }
    match workload.figure {
        Figure::Bytes => {}
        Figure::OneWay => columns.push(Column::P99),
        _ => columns.extend([Column::P99, Column::PROCESSOR]),
    }
    columns.extend([Column::TO_FLOOR, Column::TO_PEER]);
    // It is a question only where many operations of one thread are under way.
    if workload.figure == Figure::Throughput && workload.in_flight == 0 {
        columns.push(Column::ORDER);
    }
    columns
}

fn row(columns: &[Column], outcome: &Outcome, standing: &Standing) -> String {
    let mut name = match standing.contestant.role {
        Role::Ours => format!("**{}**", standing.contestant.name),
        _ => standing.contestant.name.to_owned(),
    };
    if standing.failure.is_some() {
        let word = if standing.skipped().is_some() { "skipped" } else { "failed" };
        return format!("| {name} | {word} |{}", " |".repeat(columns.len() - 1));
    }
    if standing.operations != outcome.operations {
        name = format!("{name} ({} operations)", grouped(&standing.operations.to_string()));
    }
    let cells = columns.iter().map(|column| format!(" {} |", (column.cell)(outcome, standing)));
    format!("| {name} |{}", cells.collect::<String>())
}

/// Where we stand, in one line.
fn verdict(workload: &Workload, setting: &Setting, outcome: &Outcome) {
    let (Some(ours), Some(floor)) = (outcome.of(Role::Ours), outcome.of(Role::Floor)) else {
        return;
    };
    let to_floor = ours.ratio(floor);
    let goal = setting.goal.map_or(String::new(), |goal| {
        let (reached, limit) = match workload.figure {
            Figure::Bytes | Figure::Count => {
                (ours.median(), format!("{} {}", number(goal), what(workload)))
            }
            _ => (to_floor, times(goal)),
        };
        let word = if reached <= goal { "met" } else { "missed" };
        format!(" (goal: at most {limit}, {word})")
    });
    if workload.figure == Figure::Count {
        println!("\n{}: {} {}{goal}.", ours.contestant.name, number(ours.median()), what(workload));
        return;
    }
    let peer = outcome.best_peer().map_or(String::new(), |peer| {
        format!(", {} the best peer, {}", times(ours.ratio(peer)), peer.contestant.name)
    });
    println!("\n{}: {} the floor{goal}{peer}.", ours.contestant.name, times(to_floor));
}

fn amount(workload: &Workload, operations: usize) -> String {
    let word = if workload.figure == Figure::Count { "seconds" } else { "operations" };
    format!("{operations} {word}")
}

fn unit(workload: &Workload) -> String {
    let each = if workload.figure == Figure::Count { "in all" } else { "each" };
    format!("{} {each}", what(workload))
}

fn what(workload: &Workload) -> &'static str {
    match workload.figure {
        Figure::Bytes => "bytes",
        Figure::Count => "wake-ups",
        _ => "ns",
    }
}

fn ratio(standing: &Standing, other: Option<&Standing>) -> String {
    other.map_or(String::new(), |other| times(standing.ratio(other)))
}

fn times(ratio: f64) -> String {
    format!("{ratio:.2} ×")
}

/// With a comma after each three digits; one decimal below a hundred. Nothing for what there is not.
fn number(value: f64) -> String {
    if value.is_nan() {
        return String::new();
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    grouped(&format!("{value:.0}"))
}

fn grouped(digits: &str) -> String {
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
    use super::{grouped, number};

    #[test]
    fn digits_are_grouped() {
        assert_eq!(number(41.26), "41.3");
        assert_eq!(number(999.6), "1,000");
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(number(123.0), "123");
        assert_eq!(grouped("20"), "20");
        assert_eq!(number(f64::NAN), "");
    }
}
