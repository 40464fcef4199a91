//! What errors say when no descriptor is left.
//!
//! It happens to connections, ports and lookups alike, and the system's "too many open files" says
//! neither whose limit it is nor what can be done.

use std::io;

/// The two limits, by the numbers of the errors that say that they are reached.
#[cfg(unix)]
const OF_THE_PROCESS: Option<i32> = Some(libc::EMFILE);
#[cfg(unix)]
const OF_THE_SYSTEM: Option<i32> = Some(libc::ENFILE);

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
const OF_THE_PROCESS: Option<i32> = None;
#[cfg(not(unix))]
const OF_THE_SYSTEM: Option<i32> = None;

/// What to do, if the error says that no descriptor is left.
pub(crate) fn want_of_descriptors(error: &io::Error) -> Option<&'static str> {
    let number = error.raw_os_error();
    if number.is_none() {
        None
    } else if number == OF_THE_PROCESS {
        Some(
            "this process has no descriptor left; close some, or raise its limit (`ulimit -n`, \
             `LimitNOFILE=`)",
        )
    } else if number == OF_THE_SYSTEM {
        Some("this system has no descriptor left; close some, or raise its limit (`fs.file-max`)")
    } else {
        None
    }
}

/// Whether no descriptor was left.
pub(crate) fn is_want_of_descriptors(error: &io::Error) -> bool {
    want_of_descriptors(error).is_some()
}
