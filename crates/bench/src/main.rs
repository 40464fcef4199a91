//! The benchmarks of Ropewalk.

fn main() {}
