//! The clients: one message under way for each connection.

use super::MESSAGE;
use crate::sample::Sample;
use crate::workload::Load;
use anyhow::Context as _;
use cpu_time::ProcessTime;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

struct Connection {
    stream: TcpStream,
    message: [u8; MESSAGE],
    /// So much of the answer is still to come.
    missing: usize,
}

/// A first message over each connection, one after the other, for nothing but to know that it is
/// served; then the clock starts. A lap is as many messages as there are connections.
pub(super) fn talk(
    load: &Load,
    streams: impl Iterator<Item = io::Result<TcpStream>>,
) -> anyhow::Result<Sample> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut connections = Vec::new();
    for (number, stream) in streams.enumerate() {
        let connection = Connection::greet(stream?, number)?;
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&epoll, &connection.stream, data, epoll::EventFlags::IN)?;
        connections.push(connection);
    }

    let (operations, mut laps) = (load.operations, Vec::new());
    let (mut asked, mut answered) = (0, 0);
    // To connect takes longer than many a message.
    let (start, processor) = (Instant::now(), ProcessTime::try_now()?);
    let mut lap = start;
    for connection in connections.iter_mut().take(operations) {
        connection.ask()?;
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
            let number = usize::try_from(event.data.u64())?;
            let connection = connections.get_mut(number).context("no such connection")?;
            if !connection.hear()? {
                continue;
            }
            answered += 1;
            if answered % load.in_flight == 0 {
                let now = Instant::now();
                laps.push((now - lap).as_nanos() as f64 / load.in_flight as f64);
                lap = now;
            }
            if asked < operations {
                connection.ask()?;
                asked += 1;
            }
        }
    }
    let (elapsed, busy) = (start.elapsed(), processor.try_elapsed()?);
    Ok(Sample { elapsed, busy, operations, laps, in_order: true })
}

impl Connection {
    fn greet(stream: TcpStream, number: usize) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        let mut connection = Self { stream, message: [number as u8; MESSAGE], missing: 0 };
        connection.ask()?;
        let mut answer = [0; MESSAGE];
        connection.stream.read_exact(&mut answer)?;
        anyhow::ensure!(answer == connection.message, "another answer than the message");
        connection.stream.set_nonblocking(true)?;
        Ok(connection)
    }

    fn ask(&mut self) -> io::Result<()> {
        self.missing = MESSAGE;
        self.stream.write_all(&self.message)
    }

    /// Whether the answer is complete.
    fn hear(&mut self) -> anyhow::Result<bool> {
        let mut answer = [0; MESSAGE];
        let length = match self.stream.read(&mut answer[..self.missing]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            read => read?,
        };
        anyhow::ensure!(length > 0, "the server has closed a connection");
        anyhow::ensure!(answer[..length] == self.message[..length], "not what was said");
        self.missing -= length;
        Ok(self.missing == 0)
    }
}
