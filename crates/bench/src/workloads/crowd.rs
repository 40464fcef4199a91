//! Clients in a process of their own.
//!
//! 10,000 connections are 20,000 descriptors if both ends are in one process, which is more than
//! many systems let a process have. So the server's ends are in the process that is measured, and the
//! clients' in another: this program again, told what to do by its arguments.

use super::echo::{Opening, talk};
use crate::descriptors;
use crate::foreign::Program;
use crate::sample::Sample;
use anyhow::Context as _;
use cpu_time::ProcessTime;
use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{ChildStdin, Command};

/// Both ends of more connections than this are not in one process.
pub(super) const MOST_IN_ONE_PROCESS: usize = 4_000;

/// So many connections may wait to be accepted: a client that is faster than the harness does not
/// have to try again a second later.
const BACKLOG: i32 = 4_096;

pub(crate) enum Order {
    /// Opens connections, and says nothing over them until it is ended.
    Hold { address: SocketAddr, connections: usize },
    /// Is the clients of `echo`.
    Talk {
        address: SocketAddr,
        connections: usize,
        opening: Opening,
        message: usize,
        operations: usize,
    },
}

impl Order {
    pub(crate) const FLAG: &'static str = "--crowd";

    fn words(&self) -> Vec<String> {
        match self {
            Self::Hold { address, connections } => {
                vec![address.to_string(), connections.to_string()]
            }
            Self::Talk { address, connections, opening, message, operations } => vec![
                address.to_string(),
                connections.to_string(),
                opening.name().to_owned(),
                message.to_string(),
                operations.to_string(),
            ],
        }
    }

    pub(crate) fn parse(words: &[String]) -> Option<Self> {
        let (address, connections) = (words.first()?.parse().ok()?, words.get(1)?.parse().ok()?);
        match &words[2..] {
            [] => Some(Self::Hold { address, connections }),
            [opening, message, operations] => Some(Self::Talk {
                address,
                connections,
                opening: Opening::parse(opening)?,
                message: message.parse().ok()?,
                operations: operations.parse().ok()?,
            }),
            _ => None,
        }
    }
}

/// In the process of the clients: does as told.
pub(crate) fn obey(order: &Order) -> anyhow::Result<()> {
    match *order {
        Order::Hold { address, connections } => {
            descriptors::allow(connections)?;
            let connect = |_| TcpStream::connect(address);
            let held = (0..connections).map(connect).collect::<io::Result<Vec<_>>>()?;
            println!("{OPEN}");
            // Whoever has started this keeps the other end.
            io::stdin().read_to_end(&mut Vec::new())?;
            drop(held);
        }
        Order::Talk { address, connections, opening, message, operations } => {
            descriptors::allow(connections)?;
            let streams = (0..connections).map(|_| TcpStream::connect(address));
            let sample = talk(opening.of(streams), message, operations, || println!("{GREETED}"))?;
            print!("{}", sample.to_text());
        }
    }
    Ok(())
}

/// All connections are there.
const OPEN: &str = "open";

/// Each has had its first answer, and the clock starts.
const GREETED: &str = "greeted";

/// In the process that is measured: the other one.
pub(super) struct Crowd {
    program: Program,
    /// Its end is the end of those who hold connections.
    _input: ChildStdin,
}

impl Crowd {
    pub(super) fn start(order: &Order) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let started = Program::start(command.arg(Order::FLAG).args(order.words()));
        let (program, input) = started.context("the clients cannot be started")?;
        Ok(Self { program, _input: input })
    }

    /// Waits until all connections are open.
    pub(super) fn is_there(&mut self) -> anyhow::Result<()> {
        self.program.hear(OPEN)
    }

    /// What the clients have measured, with the processor time of this process.
    pub(super) fn sample(mut self) -> anyhow::Result<Sample> {
        self.program.hear(GREETED)?;
        let processor = ProcessTime::try_now()?;
        let head = self.program.line()?;
        let busy = processor.try_elapsed()?;
        let sample = Sample::parse(&format!("{head}{}", self.program.finish()?))?;
        Ok(Sample { busy: sample.busy + busy, ..sample })
    }
}

/// Accepts so many connections from a crowd that has been, or is being, told of this address.
pub(super) fn accept(listener: &TcpListener, connections: usize) -> io::Result<Vec<TcpStream>> {
    let accepted = (0..connections).map(|_| {
        let (stream, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    });
    accepted.collect()
}

/// A listener with room for a crowd.
pub(super) fn listener() -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    rustix::net::listen(&listener, BACKLOG)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::Order;
    use crate::workloads::echo::Opening;

    #[test]
    fn what_is_told_is_understood() {
        let address = ([127, 0, 0, 1], 8007).into();
        for order in [
            Order::Hold { address, connections: 7 },
            Order::Talk {
                address,
                connections: 7,
                opening: Opening::AllFirst,
                message: 64,
                operations: 9,
            },
        ] {
            let understood = Order::parse(&order.words()).map(|order| order.words());
            assert_eq!(understood, Some(order.words()));
        }
        assert!(Order::parse(&[]).is_none());
        assert!(Order::parse(&["127.0.0.1:8007".to_owned()]).is_none());
    }
}
