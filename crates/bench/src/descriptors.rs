//! How many descriptors this process may have open.

use crate::skipped::Skipped;
use rustix::process::{Resource, getrlimit, setrlimit};

/// What a process has open beside its connections: its streams, the sets, a listener.
const OTHERS: usize = 64;

/// Raises the limit of this process, if it is too low for so many connections. Skips the contestant
/// where the system does not allow that many. Processes that are started from here have the limit, too.
pub(crate) fn allow(connections: usize) -> anyhow::Result<()> {
    let needed = (connections + OTHERS) as u64;
    let limit = getrlimit(Resource::Nofile);
    let is_enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if is_enough(limit.current) {
        return Ok(());
    }
    if !is_enough(limit.maximum) {
        let most = limit.maximum.unwrap_or_default();
        let why = format!("needs {needed} descriptors, a process may have {most} (ulimit -Hn)");
        return Err(Skipped(why).into());
    }
    let raised = rustix::process::Rlimit { current: Some(needed), ..limit };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

#[cfg(test)]
mod tests {
    use super::{OTHERS, allow};
    use crate::skipped::Skipped;
    use rustix::process::{Resource, getrlimit};

    #[test]
    fn what_the_system_allows_is_had() {
        let most = getrlimit(Resource::Nofile).maximum.unwrap_or(10_000);
        allow(most as usize - OTHERS).unwrap();
        assert!(getrlimit(Resource::Nofile).current.is_none_or(|limit| limit >= most));
    }

    #[test]
    fn what_it_does_not_allow_is_skipped() {
        if getrlimit(Resource::Nofile).maximum.is_some() {
            let error = allow(usize::MAX / 2).unwrap_err();
            assert!(error.is::<Skipped>(), "{error:#}");
        }
    }
}
