//! An event loop on one thread: timers, I/O readiness and calls from other threads.
