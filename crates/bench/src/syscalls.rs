//! System calls per operation, counted with strace, if it is here.
//!
//! Each contestant runs twice, the second time with twice as many operations: what the second run
//! has made more is theirs, and the start and the end of the process are in neither. All threads
//! share a core. What the harness itself asks of the system does not count: its clients at all, and
//! of its foreign threads all but what they write to wake the loop.

use crate::child::{Order, WARM_UP};
use crate::placement::Placement;
use crate::workload::{Contestant, Workload};
use crate::workloads::{COUNTED, POOL_THREADS};
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, process};

/// By thread and name: those of the loop's thread, and of all others.
#[derive(Default)]
struct Count {
    of_the_loop: BTreeMap<String, usize>,
    of_others: BTreeMap<String, usize>,
}

/// Whoever has one of these in its name is left out: other processes, and what asks the system for
/// nothing.
const NEVER_COUNTED: &[&str] = &["asyncio", "Twisted", "libuv", "spins", "flume"];

pub(crate) fn tables() -> anyhow::Result<()> {
    match Command::new("strace").arg("--version").stdout(Stdio::null()).status() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("System calls: skipped: there is no strace.");
            return Ok(());
        }
        other => other.context("strace cannot be started").map(|_| ())?,
    }
    for (workload, operations) in COUNTED {
        println!("\n### System calls: {}\n", workload.name);
        println!("{}; all threads on one core.\n", workload.about);
        println!("| contestant | the loop's thread | which | other threads | which |");
        println!("|---|---:|---|---:|---|");
        for contestant in workload.contestants {
            if NEVER_COUNTED.iter().any(|word| contestant.name.contains(word)) {
                continue;
            }
            let less = trace(workload, contestant, *operations)?;
            let more = trace(workload, contestant, 2 * operations)?;
            // The warm-up of the second run is twice as long, too.
            let between = (operations + operations / WARM_UP) as f64;
            let (loops, others) = (
                difference(&less.of_the_loop, &more.of_the_loop, between),
                difference(&less.of_others, &more.of_others, between),
            );
            println!("| {} | {loops} | {others} |", contestant.name);
        }
    }
    Ok(())
}

fn trace(workload: &Workload, contestant: &Contestant, count: usize) -> anyhow::Result<Count> {
    let log = Log(env::temp_dir().join(format!("ropewalk-bench-{}.strace", process::id())));
    let status = Command::new("strace")
        .args(["-f", "-qq", "-o"])
        .arg(&log.0)
        .arg(env::current_exe()?)
        .args([Order::FLAG, workload.name, contestant.name, Placement::OneCore.name()])
        .arg(count.to_string())
        .env("BLOCKING_MAX_THREADS", POOL_THREADS.to_string())
        .stdout(Stdio::null())
        .status()?;
    anyhow::ensure!(status.success(), "{} under strace ended with {status}", contestant.name);
    Ok(Count::read(&fs::read_to_string(Path::new(&log.0))?))
}

struct Log(PathBuf);

impl Drop for Log {
    fn drop(&mut self) {
        // It is in the directory for what may be left behind.
        let _ = fs::remove_file(&self.0);
    }
}

impl Count {
    /// Lines of a thread's number and a call. One that was interrupted by another thread's is two
    /// lines, of which the second does not begin with the name.
    fn read(log: &str) -> Self {
        let (mut count, mut names, mut first) = (Self::default(), BTreeMap::new(), None);
        for line in log.lines() {
            let Some((thread, call)) = line.split_once(' ') else { continue };
            let Some((name, arguments)) = call.trim_start().split_once('(') else { continue };
            if !name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_') {
                continue;
            }
            if let Some(own) = arguments.strip_prefix("PR_SET_NAME, \"") {
                names.insert(thread, own.split('"').next().unwrap_or_default());
            }
            let is_loop = *first.get_or_insert(thread) == thread;
            let calls = match names.get(thread) {
                _ if is_loop => &mut count.of_the_loop,
                Some(&"client") => continue,
                Some(&"foreign") if name != "write" => continue,
                _ => &mut count.of_others,
            };
            *calls.entry(name.to_owned()).or_default() += 1;
        }
        count
    }
}

/// How many per operation, and which, the most frequent one first. What rounds to nothing is left
/// out.
fn difference(
    less: &BTreeMap<String, usize>,
    more: &BTreeMap<String, usize>,
    operations: f64,
) -> String {
    let each = |(name, count): (&String, &usize)| {
        let before = less.get(name).copied().unwrap_or_default();
        (name.clone(), (*count as f64 - before as f64) / operations)
    };
    let mut calls: Vec<_> = more.iter().map(each).filter(|(_, each)| *each >= 0.005).collect();
    calls.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let total = calls.iter().fold(0.0, |total, (_, each)| total + each);
    let names: Vec<_> = calls.iter().map(|(name, each)| format!("{name} {each:.2}")).collect();
    format!("{total:.2} | {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{Count, difference};
    use std::collections::BTreeMap;

    #[test]
    fn calls_are_told_apart_by_thread() {
        let log = "10 execve(\"x\") = 0\n\
                   11 prctl(PR_SET_NAME, \"client\") = 0\n\
                   12 prctl(PR_SET_NAME, \"foreign\") = 0\n\
                   11 read(3) = 1\n\
                   10 epoll_wait(3 <unfinished ...>\n\
                   12 sched_yield() = 0\n\
                   12 write(4) = 8\n\
                   10 <... epoll_wait resumed>) = 1\n\
                   10 --- SIGCHLD {si_signo=SIGCHLD} ---\n\
                   10 +++ exited with 0 +++\n";
        let count = Count::read(log);
        assert_eq!(count.of_the_loop.into_keys().collect::<Vec<_>>(), ["epoll_wait", "execve"]);
        assert_eq!(count.of_others.get("write"), Some(&1));
        assert_eq!(count.of_others.get("read"), None);
    }

    #[test]
    fn what_both_runs_have_is_nobodys() {
        let counts =
            |read, open| BTreeMap::from([("read".to_owned(), read), ("open".to_owned(), open)]);
        assert_eq!(difference(&counts(10, 7), &counts(20, 7), 10.0), "1.00 | read 1.00");
    }
}
