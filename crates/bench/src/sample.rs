//! What one run of one contestant gives, and how it passes from the child to its parent.

use anyhow::Context as _;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

pub(crate) struct Sample {
    /// Of all operations together.
    pub(crate) elapsed: Duration,
    /// Processor time of all threads, the start and the end of the threads included. If it is zero,
    /// the harness puts in that of the process in which the contestant has run.
    pub(crate) busy: Duration,
    pub(crate) operations: usize,
    /// Nanoseconds per operation of each lap: one operation, or as many as a lap has.
    pub(crate) laps: Vec<f64>,
    /// Whether they came in the order in which they were made.
    pub(crate) in_order: bool,
}

impl Sample {
    pub(crate) fn nanoseconds_each(&self) -> f64 {
        self.elapsed.as_secs_f64() * 1e9 / self.operations as f64
    }

    pub(crate) fn busy_nanoseconds_each(&self) -> f64 {
        self.busy.as_secs_f64() * 1e9 / self.operations as f64
    }

    /// Times one round trip after the other, on the thread that waits for them. A trip is given
    /// a number and has to bring back the next.
    pub(crate) fn of_trips(
        operations: usize,
        mut trip: impl FnMut(usize) -> anyhow::Result<usize>,
    ) -> anyhow::Result<Self> {
        let mut laps = Vec::with_capacity(operations);
        let start = Instant::now();
        let mut before = start;
        for number in 0..operations {
            anyhow::ensure!(trip(number)? == number + 1, "trip {number} had a wrong answer");
            let now = Instant::now();
            laps.push((now - before).as_nanos() as f64);
            before = now;
        }
        let (elapsed, busy) = (before - start, Duration::ZERO);
        Ok(Self { elapsed, busy, operations, laps, in_order: true })
    }

    pub(crate) fn to_text(&self) -> String {
        let in_order = u8::from(self.in_order);
        let (elapsed, busy) = (self.elapsed.as_nanos(), self.busy.as_nanos());
        let mut text = format!("{elapsed} {busy} {} {in_order}\n", self.operations);
        for lap in &self.laps {
            // Writing to a string does not fail.
            let _ = write!(text, "{lap} ");
        }
        text
    }

    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let (head, laps) = text.split_once('\n').context("no sample")?;
        let head: Vec<u64> = head.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [elapsed, busy, operations, in_order] = head[..] else { anyhow::bail!("not a sample") };
        Ok(Self {
            elapsed: Duration::from_nanos(elapsed),
            busy: Duration::from_nanos(busy),
            operations: usize::try_from(operations)?,
            laps: laps.split_whitespace().map(str::parse).collect::<Result<_, _>>()?,
            in_order: in_order == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Sample;

    #[test]
    fn what_is_written_can_be_read() {
        let sample = Sample::of_trips(3, |number| Ok(number + 1)).unwrap();
        let read = Sample::parse(&sample.to_text()).unwrap();
        assert_eq!((read.elapsed, read.operations), (sample.elapsed, 3));
        assert_eq!((read.laps, read.in_order), (sample.laps, true));
    }

    #[test]
    fn a_wrong_answer_is_an_error() {
        assert!(Sample::of_trips(3, Ok).is_err());
        assert!(Sample::parse("1 2 3\n").is_err() && Sample::parse("").is_err());
    }
}
