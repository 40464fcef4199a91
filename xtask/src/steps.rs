//! The steps that are mostly a matter of calling cargo rightly; one module each.

pub(crate) mod bench;
pub(crate) mod features;
pub(crate) mod fetch;
pub(crate) mod licences;
pub(crate) mod lint;
pub(crate) mod loom;
pub(crate) mod package;
pub(crate) mod rustdoc;
pub(crate) mod soak;
pub(crate) mod test;
