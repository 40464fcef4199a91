//! The clients: one message under way for each connection.

use crate::sample::Sample;
use anyhow::Context as _;
use cpu_time::ProcessTime;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventFlags};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

/// When the connections are opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Before anything is said: the server begins when it has all of them.
    AllFirst,
    /// When the one before has had its first answer: more than one is never waiting to be accepted.
    OneByOne,
}

impl Opening {
    const NAMES: [(Self, &'static str); 2] =
        [(Self::AllFirst, "all-first"), (Self::OneByOne, "one-by-one")];

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(opening, _)| *opening == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, name)| *name == word).map(|(opening, _)| *opening)
    }

    /// The streams, opened in that way.
    pub(crate) fn of<'a>(
        self,
        streams: impl Iterator<Item = io::Result<TcpStream>> + 'a,
    ) -> Box<dyn Iterator<Item = io::Result<TcpStream>> + 'a> {
        match self {
            Self::AllFirst => Box::new(streams.collect::<Vec<_>>().into_iter()),
            Self::OneByOne => Box::new(streams),
        }
    }
}

struct Connection {
    stream: TcpStream,
    message: Box<[u8]>,
    /// So much of the message is still to be said.
    unsaid: usize,
    /// So much of the answer is still to come.
    missing: usize,
}

/// A first message over each connection, one after the other, for nothing but to know that it is
/// served; then the clock starts. A lap is as many messages as there are connections.
pub(crate) fn talk(
    streams: impl Iterator<Item = io::Result<TcpStream>>,
    message: usize,
    operations: usize,
    greeted: impl FnOnce(),
) -> anyhow::Result<Sample> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut connections = Vec::new();
    let mut buffer = vec![0; message];
    for (number, stream) in streams.enumerate() {
        let connection = Connection::greet(stream?, number, &mut buffer)?;
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&epoll, &connection.stream, data, EventFlags::IN)?;
        connections.push(connection);
    }
    greeted();

    let (mut laps, in_a_lap) = (Vec::new(), connections.len());
    let (mut asked, mut answered) = (0, 0);
    let ask = |connection: &mut Connection, number| -> io::Result<()> {
        if !connection.ask()? {
            let both = EventFlags::IN | EventFlags::OUT;
            epoll::modify(&epoll, &connection.stream, epoll::EventData::new_u64(number), both)?;
        }
        Ok(())
    };
    // To connect takes longer than many a message.
    let (start, processor) = (Instant::now(), ProcessTime::try_now()?);
    let mut lap = start;
    for (number, connection) in connections.iter_mut().enumerate().take(operations) {
        ask(connection, number as u64)?;
        asked += 1;
    }
    let mut events = Vec::with_capacity(connections.len());
    while answered < operations {
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            Err(rustix::io::Errno::INTR) => continue,
            waited => waited?,
        };
        for event in &events {
            let data = event.data;
            let number = usize::try_from(data.u64())?;
            let connection = connections.get_mut(number).context("no such connection")?;
            if connection.unsaid > 0 && connection.say()? {
                epoll::modify(&epoll, &connection.stream, data, EventFlags::IN)?;
            }
            if !connection.hear(&mut buffer)? {
                continue;
            }
            answered += 1;
            if answered % in_a_lap == 0 {
                let now = Instant::now();
                laps.push((now - lap).as_nanos() as f64 / in_a_lap as f64);
                lap = now;
            }
            if asked < operations {
                ask(connection, data.u64())?;
                asked += 1;
            }
        }
    }
    let (elapsed, busy) = (start.elapsed(), processor.try_elapsed()?);
    Ok(Sample { elapsed, busy, operations, laps, in_order: true })
}

/// So much of what is heard is compared with what was said. All of it would take a good part of the
/// time of a long message.
const COMPARED: usize = 64;

impl Connection {
    fn greet(stream: TcpStream, number: usize, buffer: &mut [u8]) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        let message = vec![number as u8; buffer.len()].into_boxed_slice();
        let mut connection = Self { stream, message, unsaid: 0, missing: 0 };
        connection.stream.write_all(&connection.message)?;
        connection.stream.read_exact(buffer)?;
        anyhow::ensure!(*buffer == *connection.message, "another answer than the message");
        connection.stream.set_nonblocking(true)?;
        Ok(connection)
    }

    /// Whether all of the message is on its way.
    fn ask(&mut self) -> io::Result<bool> {
        self.unsaid = self.message.len();
        self.missing = self.message.len();
        self.say()
    }

    fn say(&mut self) -> io::Result<bool> {
        let start = self.message.len() - self.unsaid;
        match self.stream.write(&self.message[start..]) {
            Ok(length) => self.unsaid -= length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(self.unsaid == 0)
    }

    /// Whether the answer is complete.
    fn hear(&mut self, buffer: &mut [u8]) -> anyhow::Result<bool> {
        let length = match self.stream.read(&mut buffer[..self.missing]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            read => read?,
        };
        anyhow::ensure!(length > 0, "the server has closed a connection");
        let compared = length.min(COMPARED);
        anyhow::ensure!(buffer[..compared] == self.message[..compared], "not what was said");
        self.missing -= length;
        Ok(self.missing == 0)
    }
}
