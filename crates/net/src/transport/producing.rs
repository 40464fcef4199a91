//! Who makes what goes out of a transport, and the transport as one of those.

use super::Transport;
use crate::connection::Kind;
use crate::producer::Pieces;
use crate::{CannotRegister, Producer};
use bytes::Bytes;
use ropewalk_deferred::Deferred;

impl Transport {
    /// Stops reading. The peer can send until the buffers of the system are full.
    ///
    /// While nothing is read, the end of the connection is noticed only by writing.
    ///
    /// Twisted: `pauseProducing`.
    #[doc(alias = "pauseProducing")]
    pub fn pause_producing(&self) {
        self.0.set_paused(true);
    }

    /// Reads on. The protocol hears of it in a later turn:
    /// [`Protocol::resumed`](crate::Protocol::resumed).
    ///
    /// Twisted: `resumeProducing`.
    #[doc(alias = "resumeProducing")]
    pub fn resume_producing(&self) {
        self.0.set_paused(false);
    }

    /// The same as [`lose_connection`](Self::lose_connection), by the name that it has for whoever
    /// reads from it.
    ///
    /// Twisted: `stopProducing`.
    #[doc(alias = "stopProducing")]
    pub fn stop_producing(&self) {
        self.0.lose();
    }

    /// Registers a push producer: one that is at work already. It is told to pause when more than
    /// the high mark waits to be sent, and to resume when that has fallen to the low one; see
    /// [`set_write_limits`](Self::set_write_limits).
    ///
    /// It is called from later turns, and told to [stop](Producer::stop_producing) when the
    /// connection ends. If nothing can be written any more, it is told so before this returns.
    ///
    /// # Errors
    ///
    /// [`CannotRegister`], with `producer` inside: another one is registered.
    ///
    /// # Panics
    ///
    /// With `stop_producing`, or the drop of the producer, if those come before this returns.
    ///
    /// # Examples
    ///
    /// Back-pressure from end to end: what comes in is not read while too much of what goes out
    /// waits, be it to the same peer or to another one.
    ///
    /// ```
    /// use ropewalk_net::{Protocol, Transport};
    ///
    /// struct Echo;
    ///
    /// impl Protocol for Echo {
    ///     fn connection_made(&mut self, transport: &Transport) {
    ///         let registered = transport.register_producer(transport.clone());
    ///         registered.expect("it is new");
    ///     }
    ///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
    ///         transport.write(data);
    ///     }
    /// }
    /// # let peer = ropewalk_testing::MemoryTransport::connect(Echo);
    /// # peer.take_only(0);
    /// # (0..5).for_each(|_| peer.send(&[7; 50_000]));
    /// # assert_eq!(peer.transport().buffered(), 100_000);
    /// ```
    ///
    /// Twisted: `registerProducer(producer, streaming=True)`.
    #[doc(alias = "registerProducer")]
    pub fn register_producer<P: Producer>(&self, producer: P) -> Result<(), CannotRegister<P>> {
        self.0.register(producer, Kind::Push).map_err(|producer| CannotRegister { producer })
    }

    /// Registers a pull producer: it is asked for something in a later turn, and again each time
    /// that everything has been sent.
    ///
    /// # Errors
    ///
    /// [`CannotRegister`], with `producer` inside: another one is registered.
    ///
    /// # Panics
    ///
    /// With [`stop_producing`](Producer::stop_producing), if nothing can be written any more.
    ///
    /// Twisted: `registerProducer(producer, streaming=False)`.
    #[doc(alias = "registerProducer")]
    pub fn register_pull_producer<P: Producer>(
        &self,
        producer: P,
    ) -> Result<(), CannotRegister<P>> {
        self.0.register(producer, Kind::Pull).map_err(|producer| CannotRegister { producer })
    }

    /// Writes what `pieces` gives, as a pull producer: a piece is made when the one before has been
    /// sent, so that one at a time is in memory. Fires when the last one has been sent.
    ///
    /// The deferred fails with [`ConnectionLost`](crate::ConnectionLost) if the connection ends
    /// first. Cancelling it ends the sending after the piece that is under way.
    ///
    /// `pieces` is asked on the reactor thread, and should not block.
    ///
    /// # Errors
    ///
    /// [`CannotRegister`], with `pieces` inside: a producer is registered.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{Protocol, Transport};
    ///
    /// struct Numbers;
    ///
    /// impl Protocol for Numbers {
    ///     fn connection_made(&mut self, transport: &Transport) {
    ///         let numbers = (1..=1_000_000).map(|number| format!("{number}\n"));
    ///         let sent = transport.write_pieces(numbers).expect("there is no other producer");
    ///         sent.add_errback(|failure| eprintln!("{failure}")).detach();
    ///         transport.lose_connection(); // when they are sent
    ///     }
    ///     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    /// }
    ///
    /// let peer = ropewalk_testing::MemoryTransport::connect(Numbers);
    /// assert!(peer.take_received().ends_with(b"\n999999\n1000000\n"));
    /// ```
    ///
    /// Twisted: `FileSender.beginFileTransfer`.
    #[doc(alias = "FileSender")]
    #[doc(alias = "beginFileTransfer")]
    #[track_caller]
    pub fn write_pieces<I>(&self, pieces: I) -> Result<Deferred<()>, CannotRegister<I::IntoIter>>
    where
        I: IntoIterator<Item: Into<Bytes>, IntoIter: 'static>,
    {
        let (promise, sent) = Deferred::new();
        let producer = Pieces { pieces: pieces.into_iter(), sent: Some(promise) };
        match self.register_pull_producer(producer) {
            Ok(()) => Ok(sent),
            Err(refused) => {
                let Pieces { pieces, sent: promise } = refused.into_producer();
                if let Some(promise) = promise {
                    promise.settle(Ok(())); // nobody has the other end
                }
                Err(CannotRegister { producer: pieces })
            }
        }
    }

    /// Ends the registration of the producer, if there is one: it is not called any more, and
    /// dropped. A producer that has nothing more to write does this itself.
    ///
    /// What waited for it, a [`lose_connection`](Self::lose_connection) for example, goes on.
    ///
    /// Twisted: `unregisterProducer`.
    #[doc(alias = "unregisterProducer")]
    pub fn unregister_producer(&self) {
        self.0.unregister();
    }

    /// Whether reading is paused, by [`pause_producing`](Self::pause_producing) or by a slow
    /// transport with which this one is [registered](Self::register_producer).
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.0.is_paused()
    }
}
