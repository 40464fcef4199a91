//! Tests of the network through its public names.
//!
//! A test that begins with `b` and a number holds that behaviour of the reference, one with `i` and
//! a number holds that invariant, one with `w` and a number a promise that the reference does not
//! keep.
#![expect(clippy::unwrap_used, reason = "the lint's exception for tests leaves out their helpers")]

mod fixture; // a protocol that logs and does what it is told, peers, a loop that turns
#[cfg(any(unix, feature = "tls"))]
mod programs; // of others, where they are installed

// in the order of a first reading
mod connecting; // names, addresses, one deadline
mod connection_model; // random lives of a connection
mod datagram_ends; // how UDP ports begin, fail and end
#[cfg(target_os = "linux")]
mod datagram_faults; // UDP ports whose network reports errors, and broken sockets
mod datagrams; // UDP: what comes in and what goes out
#[cfg(unix)]
mod descriptors; // a process that has none left
mod endings; // each way in which a connection ends
mod endpoints; // what texts describe
mod eyeballs; // several addresses, tried beside each other
mod families; // IPv4 only, IPv6 only
mod framing; // strings instead of bytes
mod giving_up; // what the peer sends cannot be understood
mod half_close; // this side sends nothing more, and reads
mod half_open; // a peer that sends nothing more, and reads
mod lines; // lines instead of bytes
mod links; // transports as the producers of others
mod listening; // ports and factories
mod lookups_model; // lookups, against a model
mod memory; // protocols without sockets
mod multicast; // datagrams for many
mod owned; // what is handed over whole, and how much may wait
mod partings; // values that panic once more when they are dropped
mod pieces; // an iterator as a producer
mod places; // how many connections
mod producers; // who writes no faster than can be sent
mod reading; // what comes in: pause, resume, the end
mod reopening; // addresses that are listened on again
mod resets; // a peer that resets, in each state
mod resolvers; // what is done around any resolver
mod resolving; // host names
mod services; // a client that connects again
mod services_model; // the same, against a model
mod sharing; // one port, several reactors
mod single_flight; // one question for all who want a name
mod slow_readers; // peers that read slowly, or never
mod streams; // tasks that read and write themselves
mod udp_tasks; // datagrams that are awaited
#[cfg(unix)]
mod unix; // sockets with a path
mod writing; // what goes out: at once, buffered, under pressure

#[cfg(unix)]
mod socat; // all of these, with another implementation at the other end

#[cfg(feature = "tls")]
mod tls; // encrypted connections

// across all of them
mod auto_traits; // what may cross threads
mod diagnosis; // what errors and logs say, and where they point
mod fairness;
mod ownership; // what is freed, and when
mod reentrancy;
mod shutdown;
mod stops;
