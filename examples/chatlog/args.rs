//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: chatlog [--listen ADDRESS] [--db FILE] [--announce SECONDS]
  --listen ADDRESS     where to listen; default 127.0.0.1:8007, port 0 takes any free one
  --db FILE            the SQLite database; default: one in memory, gone at the end
  --announce SECONDS   how often everybody hears who is there; default 60";

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) listen: SocketAddr,
    pub(crate) db: Option<PathBuf>,
    pub(crate) announce: Duration,
}

impl Args {
    /// What was asked for; `None` if that is help.
    pub(crate) fn parse(mut words: impl Iterator<Item = OsString>) -> anyhow::Result<Option<Self>> {
        let mut args = Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8007)),
            db: None,
            announce: Duration::from_secs(60),
        };
        while let Some(option) = words.next() {
            let option = option.to_string_lossy().into_owned();
            let mut value =
                || words.next().ok_or_else(|| anyhow::anyhow!("{option} wants a value\n{USAGE}"));
            match option.as_str() {
                "--listen" => {
                    let address = value()?;
                    let parsed = address.to_str().and_then(|text| text.parse().ok());
                    args.listen = parsed.ok_or_else(|| {
                        anyhow::anyhow!("--listen wants an IP address and a port, not {address:?}")
                    })?;
                }
                "--db" => args.db = Some(value()?.into()),
                "--announce" => {
                    let number = value()?;
                    let parsed = number.to_str().and_then(|text| text.parse().ok());
                    let seconds = parsed.ok_or_else(|| {
                        anyhow::anyhow!("--announce wants a number of seconds, not {number:?}")
                    })?;
                    args.announce = ropewalk::reactor::seconds(seconds)?;
                    anyhow::ensure!(!args.announce.is_zero(), "--announce 0 would never rest");
                }
                "--help" | "-h" => return Ok(None),
                _ => anyhow::bail!("unknown option {option:?}\n{USAGE}"),
            }
        }
        Ok(Some(args))
    }
}
