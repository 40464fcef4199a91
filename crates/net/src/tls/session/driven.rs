//! Two sessions, driven over wires in memory that give and take as little as they like.

mod wires;

use super::{Handshake, Session, Stage};
use crate::buffer::Outgoing;
use crate::filter::Filter as _;
use crate::tls::rustls::pki_types::ServerName;
use crate::tls::rustls::version::{TLS12, TLS13};
use crate::tls::rustls::{
    self, ClientConfig, ClientConnection, ServerConfig, ServerConnection, SupportedProtocolVersion,
};
use crate::tls::{TlsError, TlsErrorKind};
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::test_runner::Config;
use proptest::{collection, prop_oneof, sample};
use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use wires::{Broken, Pipe, Socket};

/// One side: its session, what it has to say, and what it was told.
struct Side {
    session: Session,
    socket: Socket,
    to_say: Vec<u8>,
    said: usize,
    heard: Vec<u8>,
    opened: bool,
    ended: Option<Result<(), io::ErrorKind>>,
}

fn begin(tls: rustls::Connection, plain: Outgoing, ahead: Vec<u8>) -> Session {
    Handshake { tls, ahead, server_name: None }.into_session(plain)
}

impl Side {
    fn new(tls: rustls::Connection, socket: Socket, to_say: Vec<u8>) -> Self {
        let session = begin(tls, Outgoing::default(), Vec::new());
        Self { session, socket, to_say, said: 0, heard: vec![], opened: false, ended: None }
    }

    fn say(&mut self, length: usize) {
        let part = &self.to_say[self.said..(self.said + length).min(self.to_say.len())];
        let (first, second) = part.split_at(part.len() / 2);
        match self.session.write(&mut self.socket, &[IoSlice::new(first), IoSlice::new(second)]) {
            Ok(count) => self.said += count,
            Err(error) => self.note(&error),
        }
    }

    fn listen(&mut self, length: usize) {
        let mut buffer = vec![0; length];
        match self.session.read(&mut self.socket, &mut buffer) {
            Ok(0) => self.ended = Some(Ok(())),
            Ok(count) => {
                assert!(self.opened, "nothing is heard before the handshake is known to be over");
                self.heard.extend(&buffer[..count]);
            }
            Err(error) => self.note(&error),
        }
        self.notice();
    }

    fn advance(&mut self) {
        if let Err(error) = self.session.advance(&mut self.socket) {
            self.note(&error);
        }
        self.notice();
    }

    fn notice(&mut self) {
        if self.session.stage == Stage::Opened {
            assert!(self.session.info().is_some());
            assert!(!self.opened, "the handshake ends once");
            self.opened = true;
            assert!(self.session.has_opened());
        }
        assert!(!self.session.has_opened());
    }

    fn note(&mut self, error: &io::Error) {
        if error.kind() != io::ErrorKind::WouldBlock {
            self.ended = Some(Err(error.kind()));
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Say(usize),
    Listen(usize),
    Advance,
    /// The pipe to this side gives so much more, and the one from it takes so much more.
    Room(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<(bool, Step)>> {
    let length = || prop_oneof![1..50_usize, 1_000..20_000_usize, 60_000..200_000_usize];
    let step = prop_oneof![
        length().prop_map(Step::Say),
        length().prop_map(Step::Listen),
        sample::select(vec![Step::Advance]),
        (0..9_000_usize, 0..9_000_usize).prop_map(|(gives, takes)| Step::Room(gives, takes)),
        (0..9_usize, 0..9_usize).prop_map(|(gives, takes)| Step::Room(gives, takes)),
    ];
    collection::vec((any::<bool>(), step), 0..200)
}

static CONFIGS: LazyLock<[(Arc<ServerConfig>, Arc<ClientConfig>); 2]> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.key_pair.serialize_der());
    let configs = |version: &'static SupportedProtocolVersion| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.clone_key().into())
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (Arc::new(server), Arc::new(client))
    };
    [configs(&TLS12), configs(&TLS13)]
});

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

/// A client and a server, and the pipes from the client and from the server.
fn sides(version: usize, lengths: (usize, usize)) -> ([Side; 2], [Rc<RefCell<Pipe>>; 2]) {
    let (server, client) = &CONFIGS[version];
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let server = ServerConnection::new(Arc::clone(server)).unwrap();
    let (up, down) = (Rc::<RefCell<Pipe>>::default(), Rc::<RefCell<Pipe>>::default());
    let at_client = Socket { from: Rc::clone(&down), to: Rc::clone(&up) };
    let at_server = Socket { from: Rc::clone(&up), to: Rc::clone(&down) };
    let client = Side::new(client.into(), at_client, bytes(lengths.0));
    let server = Side::new(server.into(), at_server, bytes(lengths.1));
    ([client, server], [up, down])
}

/// Lets both go on until they have said and heard everything.
fn finish(sides: &mut [Side; 2], pipes: &[Rc<RefCell<Pipe>>; 2]) {
    for _ in 0..10_000 {
        for pipe in pipes {
            let mut pipe = pipe.borrow_mut();
            (pipe.gives, pipe.takes) = (usize::MAX, usize::MAX);
        }
        for side in sides.iter_mut() {
            side.advance();
            side.say(usize::MAX / 2);
            side.listen(65_536);
        }
        let [client, server] = &*sides;
        let done = |one: &Side, other: &Side| {
            one.said == one.to_say.len()
                && other.heard.len() == one.said
                && one.session.unsent() == 0
                && !one.session.is_opening()
        };
        let is_over = sides.iter().any(|side| side.ended.is_some());
        if is_over || done(client, server) && done(server, client) {
            return;
        }
    }
    panic!("it comes to a standstill");
}

fn room(pipes: &[Rc<RefCell<Pipe>>; 2], side: usize, gives: usize, takes: usize) {
    let (mut to, mut from) = (pipes[1 - side].borrow_mut(), pipes[side].borrow_mut());
    to.gives = to.gives.saturating_add(gives);
    from.takes = from.takes.saturating_add(takes);
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    /// Both directions at once, whatever the wires give and take, and at whichever byte they stop.
    #[test]
    fn what_goes_in_comes_out_once_and_in_order(
        version in 0..2_usize,
        lengths in (0..300_000_usize, 0..300_000_usize),
        steps in steps(),
    ) {
        let (mut sides, pipes) = sides(version, lengths);
        for (which, step) in steps {
            let which = usize::from(which);
            let side = &mut sides[which];
            match step {
                Step::Say(length) => side.say(length),
                Step::Listen(length) => side.listen(length),
                Step::Advance => side.advance(),
                Step::Room(gives, takes) => room(&pipes, which, gives, takes),
            }
            // Two buffers in rustls, and what encryption adds.
            prop_assert!(side.session.unsent() < 3 * super::BUFFER, "{}", side.session.unsent());
        }
        finish(&mut sides, &pipes);
        let [client, server] = &sides;
        prop_assert!(client.opened && server.opened);
        prop_assert_eq!((client.ended, server.ended), (None, None));
        prop_assert!(server.heard == client.to_say, "the server has heard something else");
        prop_assert!(client.heard == server.to_say, "the client has heard something else");
    }

    /// A wire that is cut is an error, unless the goodbye was said before; and what comes before the
    /// cut is a beginning of what was said.
    #[test]
    fn a_cut_at_any_byte_is_noticed(
        version in 0..2_usize,
        at in 0..6_000_usize,
        says_goodbye in any::<bool>(),
    ) {
        let (mut sides, pipes) = sides(version, (0, 3_000));
        pipes[0].borrow_mut().takes = usize::MAX;
        pipes[0].borrow_mut().gives = usize::MAX;
        pipes[1].borrow_mut().takes = usize::MAX;
        pipes[1].borrow_mut().gives = at;
        for _ in 0..20 {
            for side in &mut sides {
                side.advance();
                side.say(usize::MAX / 2);
                side.listen(1_000);
            }
        }
        let [client, server] = &mut sides;
        let says_goodbye = says_goodbye && server.session.unsent() == 0;
        if says_goodbye {
            server.session.say_goodbye(&mut server.socket);
        }
        let all = pipes[1].borrow().bytes.is_empty();
        let rest = pipes[1].borrow().bytes.len();
        if rest > 0 && at % 2 == 0 {
            // The goodbye arrives after all.
            pipes[1].borrow_mut().gives = usize::MAX;
        } else {
            pipes[1].borrow_mut().bytes.clear();
        }
        pipes[1].borrow_mut().closed = true;
        for _ in 0..40 {
            client.listen(1_000);
        }
        let whole = client.heard == server.to_say && server.said == server.to_say.len();
        prop_assert!(server.to_say.starts_with(&client.heard));
        match client.ended {
            Some(Ok(())) => prop_assert!(says_goodbye && whole),
            Some(Err(kind)) => prop_assert!(
                kind == io::ErrorKind::UnexpectedEof,
                "{kind:?}, all had come: {all}"
            ),
            None => prop_assert!(false, "nobody has noticed"),
        }
    }

    /// Whatever a peer sends.
    #[test]
    fn garbage_is_an_error_and_never_a_panic(
        version in 0..2_usize,
        is_server in any::<bool>(),
        garbage in collection::vec(any::<u8>(), 6..400),
        after_a_record in any::<bool>(),
    ) {
        let (mut sides, pipes) = sides(version, (0, 0));
        for pipe in &pipes {
            (pipe.borrow_mut().takes, pipe.borrow_mut().gives) = (usize::MAX, usize::MAX);
        }
        if after_a_record {
            finish(&mut sides, &pipes);
        }
        let side = usize::from(is_server);
        pipes[1 - side].borrow_mut().bytes.extend(&garbage);
        pipes[1 - side].borrow_mut().closed = true;
        for _ in 0..5 {
            sides[side].listen(500);
        }
        prop_assert!(matches!(sides[side].ended, Some(Err(_))), "{:?}", sides[side].ended);
        prop_assert!(sides[side].heard.is_empty());
    }

    /// One bit of all that goes to one side is turned over: what is heard is still what was said.
    #[test]
    fn what_was_changed_on_its_way_is_not_heard(
        version in 0..2_usize,
        at in 0..4_000_usize,
        bit in 0..8_u32,
    ) {
        let (mut sides, pipes) = sides(version, (0, 2_000));
        for pipe in &pipes {
            (pipe.borrow_mut().takes, pipe.borrow_mut().gives) = (usize::MAX, usize::MAX);
        }
        let (mut passed, mut turned) = (0, false);
        for _ in 0..40 {
            for (which, side) in sides.iter_mut().enumerate() {
                side.advance();
                side.say(usize::MAX / 2);
                if which == 1 {
                    let mut down = pipes[1].borrow_mut();
                    let new = down.bytes.len();
                    if !turned && (passed..passed + new).contains(&at) {
                        down.bytes[at - passed] ^= 1 << bit;
                        turned = true;
                    }
                    passed += new;
                }
                side.listen(10_000);
            }
        }
        let [client, server] = &sides;
        prop_assert!(server.to_say.starts_with(&client.heard));
        // Where nothing was turned everything is heard. There are bits that say nothing.
        let whole = client.heard.len() == server.to_say.len() && client.ended.is_none();
        prop_assert!(turned || whole);
    }
}

/// What was written before the session began goes out first, as it is.
#[test]
fn what_was_written_before_goes_out_in_plain_first() {
    let ([client, _], pipes) = sides(1, (0, 0));
    let Side { session, mut socket, .. } = client;
    let mut plain = Outgoing::default();
    plain.push(b"STARTTLS\r\n");
    let mut session = begin(session.tls, plain, Vec::new());
    assert_eq!(session.unsent(), 10);
    assert!(session.advance(&mut socket).is_err());
    assert!(session.unsent() > 100, "the first message of the handshake counts, too");
    room(&pipes, 0, 0, 4);
    let would_block = session.advance(&mut socket).unwrap_err();
    assert_eq!(would_block.kind(), io::ErrorKind::WouldBlock);
    assert_eq!(pipes[0].borrow().bytes, *b"STAR");
    room(&pipes, 0, 0, usize::MAX);
    assert!(session.advance(&mut socket).is_err());
    assert_eq!(session.unsent(), 0);
    let up = pipes[0].borrow();
    assert!(up.bytes.iter().copied().take(10).eq(*b"STARTTLS\r\n"));
    assert_eq!(up.bytes[10], 22, "a handshake record");
}

/// What cannot be sent any more is not unsent: nobody waits for it.
#[test]
fn a_socket_that_breaks_leaves_nothing_unsent() {
    let (mut both, pipes) = sides(1, (100_000, 0));
    finish(&mut both, &pipes);
    let [mut client, _] = both;
    let slices = [IoSlice::new(&[7; 1000])];
    let broken = client.session.write(&mut Broken, &slices).unwrap_err();
    assert_eq!((broken.kind(), client.session.unsent()), (io::ErrorKind::BrokenPipe, 0));
    let again = client.session.write(&mut client.socket, &slices).unwrap_err();
    assert_eq!((again.kind(), client.session.unsent()), (io::ErrorKind::BrokenPipe, 0));
}

/// Where both ends do not agree on what is plain, nothing plain is taken for encrypted.
#[test]
fn what_came_before_belongs_to_the_handshake() {
    let ([_, server], pipes) = sides(1, (0, 0));
    let Side { session, mut socket, .. } = server;
    let injected = b"RCPT TO:<somebody@else>\r\n".to_vec();
    let mut session = begin(session.tls, Outgoing::default(), injected);
    room(&pipes, 1, 0, usize::MAX);
    assert!(session.holds_back());
    let error = session.read(&mut socket, &mut [0; 1000]).unwrap_err();
    let error = error.get_ref().unwrap().downcast_ref::<TlsError>().unwrap();
    assert!(matches!(error.kind(), TlsErrorKind::NotTls), "{error}");
    assert_eq!(pipes[1].borrow().bytes[0], 21, "it is answered with an alert");
}
