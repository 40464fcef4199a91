//! Unix sockets.

use super::run;
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use ropewalk_net::{UnixListener, UnixStream};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, within};

#[test]
fn unix_streams_do_what_others_do() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let path = std::env::temp_dir().join(format!("ropewalk-streams-{}", std::process::id()));
        let port = UnixListener::bind(&reactor, &path).unwrap();
        assert_eq!(port.local_addr().as_pathname(), Some(&*path));
        let connecting = UnixStream::connect(&reactor, &path);
        let heard = run(&reactor, async move {
            let (mut server, peer) = port.accept().await?;
            assert!(peer.is_unnamed());
            let mut client = connecting.await?;
            assert_eq!(client.peer_addr()?, port.local_addr());
            client.write_all(b"hello").await?;
            client.close().await?;
            let mut heard = String::new();
            server.read_to_string(&mut heard).await?;
            server.write_all(b"and back").await?;
            drop(server);
            let mut back = String::new();
            client.read_to_string(&mut back).await?;
            assert!(futures_lite::future::poll_once(port.incoming().next()).await.is_none());
            Ok((heard, back))
        });
        assert_eq!(heard, ("hello".to_owned(), "and back".to_owned()));
        assert!(!path.exists());
    });
}

#[test]
fn a_socket_of_others_keeps_its_file() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let path = std::env::temp_dir().join(format!("ropewalk-adopted-{}", std::process::id()));
        let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let port = UnixListener::from_std(&reactor, socket).unwrap();
        let connecting = UnixStream::connect(&reactor, &path);
        let aborted = run(&reactor, async move {
            let (server, mut client) = (port.accept().await?.0, connecting.await?);
            server.abort();
            Ok(client.read(&mut [0; 9]).await)
        });
        assert!(aborted.is_err() || aborted.unwrap() == 0);
        assert!(path.exists());
        std::fs::remove_file(path).unwrap();
    });
}
