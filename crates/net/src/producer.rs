//! Who writes no faster than a connection can send.

mod pieces;

pub(crate) use pieces::Pieces;

use crate::Transport;
use std::error::Error;
use std::fmt;

/// Something that writes to a transport, and is told by it when to go on and when to wait.
///
/// There are two kinds, which differ in when they are called:
///
/// - A **push** producer, [registered](Transport::register_producer) when it is at work already,
///   goes on by itself: it is told to [pause](Self::pause_producing) when more waits than the high
///   mark, and to [resume](Self::resume_producing) when that has fallen to the low one.
/// - A **pull** producer, [registered](Transport::register_pull_producer) before it begins, is asked
///   to [resume](Self::resume_producing) whenever nothing waits, and writes something each time. It
///   is never told to pause.
///
/// A [`Transport`] is a push producer itself: what it receives is written to another one by its
/// protocol, and while that one is slow, it does not read.
///
/// The methods are called on the reactor thread, never from inside one another or from inside of a
/// protocol, and `transport` is where to write to. A panic in one ends the connection, as one of the
/// protocol does.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{Producer, Protocol, Transport};
///
/// /// Counts up to a million, and keeps at most one number in memory.
/// struct Numbers(u32);
///
/// impl Producer for Numbers {
///     fn resume_producing(&mut self, transport: &Transport) {
///         if self.0 == 1_000_000 {
///             transport.unregister_producer();
///             return;
///         }
///         self.0 += 1;
///         transport.write_owned(format!("{}\n", self.0));
///     }
///
///     fn stop_producing(&mut self, _: &Transport) {
///         println!("it went as far as {}", self.0);
///     }
/// }
///
/// struct Counting;
///
/// impl Protocol for Counting {
///     fn connection_made(&mut self, transport: &Transport) {
///         if transport.register_pull_producer(Numbers(0)).is_ok() {
///             transport.lose_connection(); // when it is done
///         }
///     }
///     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
/// }
///
/// let peer = ropewalk_testing::MemoryTransport::connect(Counting);
/// assert!(peer.take_received().ends_with(b"\n999999\n1000000\n"));
/// ```
///
/// Twisted: `IPushProducer`, `IPullProducer`.
#[doc(alias = "IPushProducer")]
#[doc(alias = "IPullProducer")]
#[doc(alias = "IProducer")]
pub trait Producer: 'static {
    /// Go on (push), or write something (pull).
    ///
    /// A pull producer is asked again when what it wrote has been sent. One that has nothing at the
    /// moment writes later, from wherever; one that has nothing more
    /// [unregisters](Transport::unregister_producer) itself.
    ///
    /// Twisted: `resumeProducing`.
    #[doc(alias = "resumeProducing")]
    fn resume_producing(&mut self, transport: &Transport);

    /// Wait: too much is unsent. What is written nevertheless is taken.
    ///
    /// Twisted: `pauseProducing`.
    #[doc(alias = "pauseProducing")]
    fn pause_producing(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The connection is gone. Nothing is called after this, and the producer is dropped.
    ///
    /// Twisted: `stopProducing`.
    #[doc(alias = "stopProducing")]
    fn stop_producing(&mut self, transport: &Transport) {
        let _ = transport;
    }
}

impl<P: Producer + ?Sized> Producer for Box<P> {
    fn resume_producing(&mut self, transport: &Transport) {
        (**self).resume_producing(transport);
    }

    fn pause_producing(&mut self, transport: &Transport) {
        (**self).pause_producing(transport);
    }

    fn stop_producing(&mut self, transport: &Transport) {
        (**self).stop_producing(transport);
    }
}

/// What it receives is written to another transport, by its protocol.
///
/// Registered with that one, it is not called in later turns, but stops reading at once when the
/// other has too much to send. So does a transport that is registered with several, if one of them
/// has; and each can be paused by others besides.
///
/// When the other one ends, this one is asked to end too. Who feeds several that may come and go has
/// a producer of its own instead, which pauses and resumes this one.
impl Producer for Transport {
    fn resume_producing(&mut self, _: &Transport) {
        Self::resume_producing(self);
    }

    fn pause_producing(&mut self, _: &Transport) {
        Self::pause_producing(self);
    }

    fn stop_producing(&mut self, _: &Transport) {
        Self::lose_connection(self);
    }
}

/// A transport has a producer already, and takes one at a time.
///
/// Twisted: the `RuntimeError` of `registerProducer`.
pub struct CannotRegister<P> {
    pub(crate) producer: P,
}

impl<P> CannotRegister<P> {
    /// The producer that was not taken.
    #[must_use]
    pub fn into_producer(self) -> P {
        self.producer
    }
}

impl<P> fmt::Debug for CannotRegister<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CannotRegister").finish_non_exhaustive()
    }
}

impl<P> fmt::Display for CannotRegister<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the transport has a producer already; unregister that one first")
    }
}

impl<P> Error for CannotRegister<P> {}
