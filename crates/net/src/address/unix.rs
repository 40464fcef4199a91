//! Addresses of Unix sockets.

use socket2::SockAddr;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Name {
    Path(Arc<Path>),
    /// Linux: a name that is not in the file system, and goes with its socket.
    Abstract(Arc<[u8]>),
    Unnamed,
}

/// The address of a Unix socket: most often a path, and nothing for one that only connects.
///
/// # Examples
///
/// ```
/// use ropewalk_net::UnixAddress;
/// use std::path::Path;
///
/// let address = UnixAddress::from_path("/run/app.sock");
/// assert_eq!(address.as_pathname(), Some(Path::new("/run/app.sock")));
/// assert_eq!(address.to_string(), "/run/app.sock");
/// ```
///
/// Twisted: `UNIXAddress`.
#[doc(alias = "UNIXAddress")]
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct UnixAddress(Name);

impl UnixAddress {
    /// The address with this path.
    #[must_use]
    pub fn from_path(path: impl AsRef<Path>) -> Self {
        Self(Name::Path(Arc::from(path.as_ref())))
    }

    /// The address with this name in the abstract namespace of Linux: such a socket has no file, and is
    /// gone when nobody has it open any more.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn from_abstract_name(name: impl AsRef<[u8]>) -> Self {
        Self(Name::Abstract(Arc::from(name.as_ref())))
    }

    /// The path, if it has one.
    #[must_use]
    pub fn as_pathname(&self) -> Option<&Path> {
        match &self.0 {
            Name::Path(path) => Some(path),
            Name::Abstract(_) | Name::Unnamed => None,
        }
    }

    /// The name in the abstract namespace of Linux, without the zero before it, if it has one.
    #[must_use]
    pub fn as_abstract_name(&self) -> Option<&[u8]> {
        match &self.0 {
            Name::Abstract(name) => Some(name),
            Name::Path(_) | Name::Unnamed => None,
        }
    }

    /// What the system calls an address of a Unix socket.
    pub(crate) fn from_system(address: &SockAddr) -> Self {
        if let Some(path) = address.as_pathname() {
            return Self::from_path(path);
        }
        match address.as_abstract_namespace() {
            Some(name) => Self(Name::Abstract(Arc::from(name))),
            None => Self(Name::Unnamed),
        }
    }

    /// As the system takes it.
    pub(crate) fn to_system(&self) -> io::Result<SockAddr> {
        match &self.0 {
            // The system would take what stands before the zero, which is another file, or none.
            Name::Path(path) if path.as_os_str().as_bytes().contains(&0) => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "the path has a zero byte in it"))
            }
            Name::Path(path) => SockAddr::unix(path),
            // A path that begins with a zero is how such a name is handed over.
            Name::Abstract(name) => {
                let path = [b"\0", &**name].concat();
                SockAddr::unix(OsStr::from_bytes(&path))
            }
            Name::Unnamed => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// Whether it has no name at all: the peers of a listening socket mostly do not.
    #[must_use]
    pub fn is_unnamed(&self) -> bool {
        self.0 == Name::Unnamed
    }
}

macro_rules! from_paths {
    ($($path:ty),*) => {$(
        impl From<$path> for UnixAddress {
            fn from(path: $path) -> Self {
                Self::from_path(path)
            }
        }
    )*};
}

from_paths!(&str, &String, String, &OsStr, OsString, &Path, &PathBuf, PathBuf);

impl From<&Self> for UnixAddress {
    fn from(address: &Self) -> Self {
        address.clone()
    }
}

impl From<&SocketAddr> for UnixAddress {
    fn from(address: &SocketAddr) -> Self {
        if let Some(path) = address.as_pathname() {
            return Self::from_path(path);
        }
        #[cfg(target_os = "linux")]
        {
            use std::os::linux::net::SocketAddrExt as _;
            if let Some(name) = address.as_abstract_name() {
                return Self(Name::Abstract(Arc::from(name)));
            }
        }
        Self(Name::Unnamed)
    }
}

impl fmt::Display for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Path(path) => print(path, f),
            // As tools of Linux show them.
            Name::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
            Name::Unnamed => f.write_str("(unnamed socket)"),
        }
    }
}

/// A path, without what would move the cursor of a terminal, or begin a line in a log.
fn print(path: &Path, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = path.to_string_lossy();
    if !text.contains(char::is_control) {
        return f.pad(&text);
    }
    let escaped = text.chars().fold(String::new(), |mut escaped, c| {
        if c.is_control() {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
        escaped
    });
    f.pad(&escaped)
}
