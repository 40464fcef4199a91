//! What a workload is made of.

use crate::placement::Placement;
use crate::sample::Sample;
use crate::workloads::{ALL, COUNTED, GROUPS};

/// Something to be done by all contestants in the same way.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) figure: Figure,
    /// How many operations are under way at a time.
    pub(crate) in_flight: usize,
    /// How many threads the pools of the contestants have, at most.
    pub(crate) pool_threads: usize,
    /// How many threads make the operations, where they come from foreign threads.
    pub(crate) submitters: usize,
    pub(crate) settings: &'static [Setting],
    pub(crate) contestants: &'static [Contestant],
}

/// What one round counts for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// The time of all operations, divided by their number.
    Throughput,
    /// The median of the round trips. An interruption by another program is in the p99.
    RoundTrip,
    /// As `RoundTrip`, where the harness itself keeps a core busy: its processor time says nothing.
    OneWay,
    /// Bytes per operation, of memory that the process occupies.
    Bytes,
    /// What was counted while time passed: an operation is a second. A ratio of counts, which may
    /// be 0, says nothing.
    Count,
}

/// One table of a workload.
pub(crate) struct Setting {
    pub(crate) placement: Placement,
    pub(crate) operations: usize,
    pub(crate) quick_operations: usize,
    /// What we want, at most: the ratio to the floor or, where a round counts bytes or wake-ups, so
    /// many.
    pub(crate) goal: Option<f64>,
}

pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) run: fn(&Load) -> anyhow::Result<Sample>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// What the others are divided by. Each workload has one.
    Floor,
    /// Hand-written too, with one thing done in another way: it tells what that thing costs.
    Study,
    Ours,
    Peer,
}

/// What one contestant has to do, once.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) operations: usize,
    pub(crate) in_flight: usize,
    pub(crate) pool_threads: usize,
    pub(crate) submitters: usize,
}

impl Load {
    pub(crate) fn of(workload: &Workload, operations: usize) -> Self {
        let Workload { in_flight, pool_threads, submitters, .. } = *workload;
        Self { operations, in_flight, pool_threads, submitters }
    }
}

/// The one of that name, or those that it stands for together; none, if it is no name.
pub(crate) fn named(name: &str) -> Vec<&'static Workload> {
    let group = GROUPS.iter().find(|(group, _)| *group == name);
    group.map_or_else(|| find(name).into_iter().collect(), |(_, workloads)| workloads.to_vec())
}

/// Also one that has only its system calls counted.
pub(crate) fn find(name: &str) -> Option<&'static Workload> {
    let counted = COUNTED.iter().map(|(workload, _)| *workload);
    ALL.iter().copied().chain(counted).find(|workload| workload.name == name)
}

#[cfg(test)]
mod tests {
    use super::{Role, find};
    use crate::workloads::{ALL, GROUPS};

    #[test]
    fn each_workload_has_a_name_of_its_own_and_one_floor() {
        for workload in ALL {
            let namesakes = ALL.iter().filter(|other| other.name == workload.name);
            assert_eq!(namesakes.count(), 1, "{}", workload.name);
            let floors = workload.contestants.iter().filter(|one| one.role == Role::Floor);
            assert_eq!(floors.count(), 1, "{}", workload.name);
        }
    }

    #[test]
    fn what_a_group_stands_for_is_there_by_itself_too() {
        for (group, workloads) in GROUPS {
            let names = workloads.iter().map(|workload| workload.name);
            assert!(names.clone().all(|name| find(name).is_some()), "{group}");
            assert!(find(group).is_none(), "{group} is a workload, too");
        }
    }
}
