//! The place of a socket in the file system: taken, taken over from the dead, and given back.
//!
//! A Unix socket leaves its file behind when its program is killed, and the next one cannot bind to
//! it. Nobody answers there any more, which is how such a file is told from one in use.

use crate::UnixAddress;
use socket2::{Domain, Socket, Type};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Binds to the address; a file that a dead program has left there is replaced.
pub(super) fn bind(socket: &Socket, address: &UnixAddress) -> io::Result<()> {
    let system = address.to_system()?;
    let in_use = match socket.bind(&system) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => error,
        result => return result,
    };
    match address.as_pathname() {
        Some(path) if is_left_behind(path, address)? => {
            fs::remove_file(path)?;
            socket.bind(&system)
        }
        _ => Err(in_use),
    }
}

fn is_left_behind(path: &Path, address: &UnixAddress) -> io::Result<bool> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Ok(false);
    }
    let caller = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A backlog that is full belongs to somebody.
    caller.set_nonblocking(true)?;
    let answer = caller.connect(&address.to_system()?);
    Ok(answer.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused))
}

/// A file that is removed when this is dropped, if it is still the same one.
pub(super) struct Cleared {
    path: PathBuf,
    file: (u64, u64),
}

impl Cleared {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        // Wherever the process goes meanwhile.
        let path = std::path::absolute(path)?;
        let file = identity(&fs::symlink_metadata(&path)?);
        Ok(Self { path, file })
    }
}

impl Drop for Cleared {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| identity(&found) == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}
