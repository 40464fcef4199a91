//! The clients: a number of connections under way, each of them short.

use crate::sample::Sample;
use crate::workload::Load;
use anyhow::Context as _;
use cpu_time::ProcessTime;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::net::sockopt::set_socket_linger;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A first connection for nothing but to know that it is served; then the clock starts. A lap is as
/// many connections as there are under way.
pub(super) fn come_and_go(load: &Load, address: SocketAddr) -> anyhow::Result<Sample> {
    let Load { operations, in_flight, .. } = *load;
    hear(come(address)?)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let watched = |number| -> anyhow::Result<Option<TcpStream>> {
        let stream = come(address)?;
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&epoll, &stream, data, epoll::EventFlags::IN)?;
        Ok(Some(stream))
    };
    let (mut laps, mut answered) = (Vec::new(), 0);
    let (start, processor) = (Instant::now(), ProcessTime::try_now()?);
    let mut lap = start;
    let under_way = (0..in_flight.min(operations)).map(watched);
    let mut under_way = under_way.collect::<anyhow::Result<Vec<_>>>()?;
    let mut come = under_way.len();
    let mut events = Vec::with_capacity(in_flight);
    while answered < operations {
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            Err(rustix::io::Errno::INTR) => continue,
            waited => waited?,
        };
        for event in &events {
            let number = usize::try_from(event.data.u64())?;
            let slot = under_way.get_mut(number).context("no such connection")?;
            hear(slot.take().context("an answer to a connection that has gone")?)?;
            answered += 1;
            if answered % in_flight == 0 {
                let now = Instant::now();
                laps.push((now - lap).as_nanos() as f64 / in_flight as f64);
                lap = now;
            }
            if come < operations {
                *slot = watched(number)?;
                come += 1;
            }
        }
    }
    let (elapsed, busy) = (start.elapsed(), processor.try_elapsed()?);
    Ok(Sample { elapsed, busy, operations, laps, in_order: true })
}

/// On this machine a connection is there at once, if there is room for it to wait.
fn come(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    set_socket_linger(&stream, Some(Duration::ZERO))?;
    stream.write_all(b"?")?;
    Ok(stream)
}

/// Reads the answer and goes.
fn hear(mut stream: TcpStream) -> anyhow::Result<()> {
    let mut answer = [0];
    stream.read_exact(&mut answer).context("the server has closed a connection")?;
    anyhow::ensure!(answer == *b"?", "another answer than the byte");
    Ok(())
}
