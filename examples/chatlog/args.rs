//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: chatlog [--listen ADDRESS] [--db FILE] [--announce SECONDS]
  --listen ADDRESS     where to listen; default 127.0.0.1:8007, port 0 takes any free one
  --db FILE            the SQLite database; default: one in memory, gone at the end
  --announce SECONDS   how often everybody hears the numbers; default 60";

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) listen: SocketAddr,
    pub(crate) db: Option<PathBuf>,
    pub(crate) announce: Duration,
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut args = Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8007)),
            db: None,
            announce: Duration::from_secs(60),
        };
        while let Some(option) = words.next() {
            let mut value =
                || words.next().ok_or_else(|| anyhow::anyhow!("{option} wants a value\n{USAGE}"));
            match option.as_str() {
                "--listen" => {
                    let address = value()?;
                    args.listen = address.parse().map_err(|_| {
                        anyhow::anyhow!("--listen wants an IP address and a port, not {address:?}")
                    })?;
                }
                "--db" => args.db = Some(value()?.into()),
                "--announce" => {
                    let seconds: f64 = value()?.parse()?;
                    args.announce = ropewalk::reactor::seconds(seconds)?;
                    anyhow::ensure!(!args.announce.is_zero(), "--announce 0 would never rest");
                }
                _ => anyhow::bail!("unknown option {option:?}\n{USAGE}"),
            }
        }
        Ok(args)
    }
}
