//! Where the workspace is.

use std::env;
use std::path::{Path, PathBuf};

/// The directory of the root manifest.
///
/// Asked of cargo when we run, not when we were compiled: a tree may be moved with its `target`.
pub(crate) fn root() -> PathBuf {
    let xtask = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask.parent().map_or(xtask.clone(), Path::to_path_buf)
}

/// `path` as seen from the root if it is below it, with `/` between its parts.
pub(crate) fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}
