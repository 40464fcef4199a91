//! What the example programs share: the log.
#![forbid(unsafe_code)]

use tracing_subscriber::EnvFilter;

/// Sends what Ropewalk reports to standard error, filtered by `RUST_LOG` (`warn` without it).
pub fn init_tracing() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    // A second call finds a subscriber installed and leaves it.
    let _ =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
