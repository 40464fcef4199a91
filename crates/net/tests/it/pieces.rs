//! An iterator as a producer.

use crate::fixture::Probe;
use bytes::Bytes;
use ropewalk_net::{ConnectionLost, Transport};
use ropewalk_testing::{
    Ending, EventLog, MemoryTransport, failure_as, failure_of, no_result, success_of,
};
use std::cell::Cell;
use std::rc::Rc;

fn connect() -> (MemoryTransport, Transport) {
    let peer = MemoryTransport::connect(Probe::new(&EventLog::new()));
    let transport = peer.transport();
    (peer, transport)
}

#[test]
fn pieces_are_made_one_by_one_as_they_are_sent() {
    let made = Rc::new(Cell::new(0));
    let (peer, transport) = connect();
    let counted = Rc::clone(&made);
    let pieces = (0..4).map(move |number| {
        counted.set(number + 1);
        // One of them is nothing, and does not end it.
        if number == 1 { Bytes::new() } else { Bytes::from(vec![number; 100]) }
    });
    peer.take_only(150);
    let sent = transport.write_pieces(pieces).unwrap();
    transport.lose_connection();
    peer.turn();
    assert_eq!((made.get(), peer.ending()), (3, None), "the fourth waits for the third");
    let sent = no_result(sent);
    peer.take_only(None);
    success_of(sent);
    assert_eq!(peer.take_received().len(), 300);
    assert_eq!(peer.ending(), Some(Ending::Gentle));
}

#[test]
fn pieces_end_with_the_connection_with_a_cancel_and_where_there_is_a_producer() {
    let payload = Rc::new(());
    let endless = || {
        let held = Rc::clone(&payload);
        std::iter::repeat_with(move || {
            let _held = &held;
            "piece"
        })
    };
    let (peer, transport) = connect();
    peer.take_only(8);
    let sent = transport.write_pieces(endless()).unwrap();
    let refused = transport.write_pieces(["a", "b"]).unwrap_err();
    assert_eq!(refused.into_producer().collect::<String>(), "ab");
    peer.turn();
    transport.abort_connection();
    peer.turn();
    assert!(matches!(failure_as::<ConnectionLost, _>(sent), ConnectionLost::Aborted));
    let late = transport.write_pieces(endless()).unwrap();
    assert!(matches!(failure_as::<ConnectionLost, _>(late), ConnectionLost::Aborted));

    let (peer, transport) = connect();
    peer.take_only(8);
    let sent = transport.write_pieces(endless()).unwrap();
    transport.lose_connection();
    peer.turn();
    sent.cancel();
    peer.take_only(None);
    assert_eq!(peer.take_received(), b"piecepiece");
    assert_eq!(peer.ending(), Some(Ending::Gentle));
    drop(failure_of(sent));
    assert_eq!(Rc::strong_count(&payload), 1);
}
