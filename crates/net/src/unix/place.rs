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
        Some(path) if clear(path, address)? => socket.bind(&system),
        _ => Err(in_use),
    }
}

/// Removes a file that was left behind; whether the place is free now.
fn clear(path: &Path, address: &UnixAddress) -> io::Result<bool> {
    match remove_if_dead(path, address) {
        // Somebody else was faster, or its program has ended well after all.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        result => result,
    }
}

fn remove_if_dead(path: &Path, address: &UnixAddress) -> io::Result<bool> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Ok(false);
    }
    let caller = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A backlog that is full belongs to somebody.
    caller.set_nonblocking(true)?;
    match caller.connect(&address.to_system()?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map(|()| true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        _ => Ok(false),
    }
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

#[cfg(test)]
mod tests {
    use super::clear;
    use crate::UnixAddress;
    use std::fs;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_place_is_free_if_its_program_is_dead_or_the_file_has_gone_meanwhile() {
        let path = std::env::temp_dir().join(format!("ropewalk-place-{}", std::process::id()));
        let address = UnixAddress::from(&path);
        let is_free = || clear(&path, &address).unwrap();
        assert!(is_free(), "another program has removed the file since the bind");
        let listener = UnixListener::bind(&path).unwrap();
        assert!(!is_free());
        drop(listener);
        assert!(path.exists() && is_free());
        assert!(!path.exists());
        fs::write(&path, "not a socket").unwrap();
        assert!(!is_free());
        fs::remove_file(&path).unwrap();
    }
}
