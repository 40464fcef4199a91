//! Whom the system is asked about: this process, or a contestant's that runs in its place.

use std::path::PathBuf;

#[derive(Clone, Copy)]
pub(crate) enum Process {
    This,
    Other(u32),
}

impl Process {
    /// Where the system tells about it.
    pub(crate) fn file(self, name: &str) -> PathBuf {
        match self {
            Self::This => format!("/proc/self/{name}").into(),
            Self::Other(number) => format!("/proc/{number}/{name}").into(),
        }
    }
}
