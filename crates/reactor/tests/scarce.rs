//! A process whose first reactors find no descriptors. By itself, because both the limit and what the
//! first reactor finds out are the whole process's.

#![cfg(target_os = "linux")]

use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, within};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::time::Duration;

#[test]
fn reactors_that_find_no_descriptors_spoil_nothing_for_later_ones() {
    within(DEADLINE, || {
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..before }).unwrap();
        let mut filler: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        // Each number of descriptors that may be left, from none to enough.
        let mut refused = 0;
        for _ in 0..16 {
            match Reactor::new() {
                Ok(reactor) => drop(reactor),
                Err(error) => {
                    refused += 1;
                    assert_eq!(error.raw_os_error(), Some(24), "{error}");
                }
            }
            filler.pop();
        }
        assert!((1..16).contains(&refused), "{refused}");
        drop(filler);
        setrlimit(Resource::Nofile, before).unwrap();

        let reactor = Reactor::new().unwrap();
        reactor.call_later(Duration::from_millis(5), |_| ());
        while reactor.stats().timers == 0 {
            poll(&mut [PollFd::new(&reactor, PollFlags::IN)], None).unwrap();
            reactor.turn(Some(Duration::ZERO)).unwrap();
        }
    });
}
