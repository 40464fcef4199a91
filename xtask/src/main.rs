//! The checks of the workspace.

fn main() {}
