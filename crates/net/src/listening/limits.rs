//! How many connections a port takes on, and how many it lets wait: the same for each family.

/// Every system takes more than it allows for as much as it allows.
const MOST: u32 = i32::MAX as u32;

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Limits {
    /// `None`: as many may wait as the system allows.
    pub(crate) backlog: Option<u32>,
    /// `None`: as many are served as come.
    pub(crate) max_connections: Option<usize>,
}

impl Limits {
    /// The backlog, as the system takes it.
    pub(crate) fn to_listen(self) -> i32 {
        self.backlog.unwrap_or(MOST).min(MOST) as i32
    }
}
