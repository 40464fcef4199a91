//! The flagship, driven from outside: as a process, over plain sockets, with a signal.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "helpers of tests, which are not tests themselves")]

use ropewalk_testing::within;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
const CLIENTS: usize = 50;
const LINES: usize = 200;

struct Server {
    process: Running,
    console: ChildStdin,
    output: Option<BufReader<ChildStdout>>,
    address: SocketAddr,
    database: PathBuf,
}

impl Server {
    fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    fn start_with(name: &str, options: &[&str]) -> Self {
        // Cargo builds the examples beside the tests.
        let tests = std::env::current_exe().unwrap();
        let program = tests.parent().unwrap().parent().unwrap().join("examples/chatlog");
        let database = std::env::temp_dir().join(format!("{name}-{}.db", std::process::id()));
        remove(&database);
        let mut process = Command::new(program)
            .args(["--listen", "127.0.0.1:0", "--db"])
            .arg(&database)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let console = process.stdin.take().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { process: Running(process), console, output: Some(output), address, database }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        Client { reader: BufReader::new(stream.try_clone().unwrap()), stream }
    }

    fn ask(&mut self, command: &str) -> String {
        writeln!(self.console, "{command}").unwrap();
        let mut answer = String::new();
        self.output.as_mut().unwrap().read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    fn close_output(&mut self) {
        self.output = None;
    }

    fn signal(&self, signal: &str) {
        // The shell's own `kill`: there need not be a program of that name.
        let kill = format!("kill -{signal} {}", self.process.0.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for its end; gives what is in the database: number, and text.
    fn end(mut self) -> Vec<(i64, String)> {
        assert!(self.process.0.wait().unwrap().success());
        let stored = {
            let connection = Connection::open(&self.database).unwrap();
            let mut select = connection.prepare("SELECT id, text FROM line ORDER BY id").unwrap();
            let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            rows.collect::<Result<_, _>>().unwrap()
        };
        remove(&self.database);
        stored
    }
}

fn remove(database: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = database.as_os_str().to_owned();
        file.push(suffix);
        let _ = std::fs::remove_file(file);
    }
}

/// Does not outlive a test that fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// `#id peer: text` of this client, for `text`.
    fn own(&self, id: i64, text: &str) -> String {
        format!("#{id} {}: {text}", self.stream.local_addr().unwrap())
    }
}

/// Sends its lines and reads until the end; tells of each own line that comes back.
fn crowd(client: Client, number: usize, seen: Sender<()>) -> JoinHandle<BTreeMap<i64, String>> {
    let Client { mut stream, reader } = client;
    let own = format!("{}: client {number} ", stream.local_addr().unwrap());
    Builder::new()
        .spawn(move || {
            let writer = Builder::new().spawn(move || {
                // It may be cut off in the middle: that is the test.
                (0..LINES).all(|line| writeln!(stream, "client {number} line {line}").is_ok())
            });
            let mut acknowledged = BTreeMap::new();
            for line in reader.lines() {
                let Ok(line) = line else { break };
                let Some((id, rest)) = line.strip_prefix('#').and_then(|l| l.split_once(' '))
                else {
                    assert_eq!(line, "error: the chat is closing");
                    continue;
                };
                if rest.starts_with(&own) {
                    let text = rest.split_once(": ").unwrap().1.to_owned();
                    assert_eq!(acknowledged.insert(id.parse().unwrap(), text), None);
                    let _ = seen.send(());
                }
            }
            writer.unwrap().join().unwrap();
            acknowledged
        })
        .unwrap()
}

/// What must hold whenever the server ends: see the names of the checks.
fn check(stored: &[(i64, String)], acknowledged: &[BTreeMap<i64, String>]) {
    let by_id: BTreeMap<_, _> = stored.iter().cloned().collect();
    let texts: BTreeSet<_> = stored.iter().map(|(_, text)| text).collect();
    assert_eq!(texts.len(), stored.len(), "a line is in the database twice");
    for (id, text) in acknowledged.iter().flatten() {
        assert_eq!(by_id.get(id), Some(text), "an acknowledged line is missing");
    }
    for number in 0..CLIENTS {
        let mine = format!("client {number} line ");
        let order: Vec<usize> =
            stored.iter().filter_map(|(_, text)| text.strip_prefix(&mine)?.parse().ok()).collect();
        let expected: Vec<usize> = (0..order.len()).collect();
        assert_eq!(order, expected, "the order of client {number} was not kept");
    }
}

fn run_crowd(server: &Server) -> (Vec<JoinHandle<BTreeMap<i64, String>>>, Receiver<()>) {
    let (seen, sight) = channel();
    // All are there before the first line, so that nobody is turned away.
    let clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    let crowd = clients
        .into_iter()
        .enumerate()
        .map(|(number, client)| crowd(client, number, seen.clone()))
        .collect();
    (crowd, sight)
}

#[test]
fn an_interrupt_in_the_middle_loses_no_acknowledged_line() {
    within(LIMIT, || {
        let server = Server::start("chatlog-interrupt");
        let (crowd, sight) = run_crowd(&server);
        assert_eq!(sight.iter().take(CLIENTS * LINES / 3).count(), CLIENTS * LINES / 3);
        server.signal("INT");
        let acknowledged: Vec<_> = crowd.into_iter().map(|one| one.join().unwrap()).collect();
        let stored = server.end();
        check(&stored, &acknowledged);
        let seen: usize = acknowledged.iter().map(BTreeMap::len).sum();
        assert_eq!(seen, stored.len(), "a stored line was not delivered");
    });
}

#[test]
fn every_line_of_a_crowd_is_stored_once_and_in_order() {
    within(LIMIT, || {
        let mut server = Server::start("chatlog-crowd");
        let (crowd, sight) = run_crowd(&server);
        assert_eq!(sight.iter().take(CLIENTS * LINES).count(), CLIENTS * LINES);
        assert!(server.ask("stats").starts_with(&format!(
            "{CLIENTS} clients, {} lines stored since the start",
            CLIENTS * LINES
        )));
        server.signal("TERM");
        let acknowledged: Vec<_> = crowd.into_iter().map(|one| one.join().unwrap()).collect();
        assert!(acknowledged.iter().all(|seen| seen.len() == LINES));
        check(&server.end(), &acknowledged);
    });
}

#[test]
fn bad_input_gets_one_clear_line_and_harms_nobody() {
    within(LIMIT, || {
        let server = Server::start("chatlog-bad");
        let (mut good, mut bad) = (server.connect(), server.connect());
        // Both are in when both have seen this.
        good.send(b"hello\n");
        assert_eq!(good.line(), good.own(1, "hello"));
        bad.send(b"/stats\n");
        while !bad.line().starts_with("2 clients, 1 lines stored") {}

        bad.send(b"/nonsense\n");
        assert_eq!(
            bad.line(),
            "error: unknown command /nonsense: there are /last N, /find WORD, /stats, /quit"
        );
        bad.send(b"/last many\n");
        assert_eq!(bad.line(), "error: /last wants a number, not \"many\"");
        bad.send(b"/find\n");
        assert_eq!(bad.line(), "error: /find wants a word");
        bad.send(b"\xff\xfe\n");
        assert_eq!(bad.line(), "error: the line is not UTF-8 from byte 0 on; send text as UTF-8");
        bad.send(&[b'x'; 5000]);
        bad.send(b"\nstill here\n");
        assert_eq!(bad.line(), "error: the line has more than 4096 bytes; send shorter ones");
        assert_eq!(bad.line(), bad.own(2, "still here"));
        assert_eq!(good.line(), bad.own(2, "still here"));

        good.send(b"/find ello\n/last 1\n/quit\n");
        assert_eq!([good.line(), good.line()], [good.own(1, "hello"), "1 lines".to_owned()]);
        assert_eq!([good.line(), good.line()], [bad.own(2, "still here"), "1 lines".to_owned()]);
        assert_eq!([good.line(), good.line()], ["bye", ""]);
        server.signal("INT");
        assert_eq!(server.end().len(), 2);
    });
}

#[test]
fn a_database_error_is_told_to_the_client_that_it_concerns() {
    within(LIMIT, || {
        let server = Server::start("chatlog-database");
        let mut client = server.connect();
        client.send(b"before\n");
        assert_eq!(client.line(), client.own(1, "before"));
        let other = Connection::open(&server.database).unwrap();
        other.execute_batch("ALTER TABLE line RENAME TO gone").unwrap();
        client.send(b"meanwhile\n");
        assert!(client.line().starts_with("error: not stored: no such table: line"));
        other.execute_batch("ALTER TABLE gone RENAME TO line").unwrap();
        drop(other);
        client.send(b"after\n");
        assert_eq!(client.line(), client.own(2, "after"));
        server.signal("INT");
        assert_eq!(server.end().len(), 2);
    });
}

#[test]
fn the_console_asks_and_tells_the_reactor() {
    within(LIMIT, || {
        let mut server = Server::start_with("chatlog-console", &["--announce", "0.05"]);
        assert_eq!(server.ask("who"), "0 clients:");
        assert!(
            server.ask("stats").starts_with("0 clients, 0 lines stored since the start, 0 in all")
        );
        let mut client = server.connect();
        let announced = client.line();
        assert_eq!(announced, format!("* 1 clients: {}", client.stream.local_addr().unwrap()));
        assert_eq!(server.ask("say from inside"), "said as #1");
        while client.line() != "#1 console: from inside" {}
        assert!(server.ask("dance").starts_with("error: unknown command"));
        assert_eq!(server.ask("quit"), "stopping");
        assert_eq!(server.end(), [(1, "from inside".to_owned())]);
    });
}

#[test]
fn what_comes_after_quit_is_not_said() {
    within(LIMIT, || {
        let server = Server::start("chatlog-quit");
        let mut client = server.connect();
        let before: String = (1..=40).map(|n| format!("before {n}\n")).collect();
        client.send(format!("{before}/quit\nafter\n/last 1\n").as_bytes());
        for n in 1..=40 {
            assert_eq!(client.line(), client.own(n, &format!("before {n}")));
        }
        assert_eq!([client.line(), client.line()], ["bye", ""]);
        server.signal("INT");
        assert_eq!(server.end().len(), 40);
    });
}

#[test]
fn a_client_that_says_no_more_still_gets_its_answers() {
    within(LIMIT, || {
        let server = Server::start("chatlog-half");
        let mut client = server.connect();
        let lines: String = (1..=100).map(|n| format!("line {n}\n")).collect();
        client.send(format!("{lines}/last 1\n").as_bytes());
        client.stream.shutdown(Shutdown::Write).unwrap();
        for n in 1..=100 {
            assert_eq!(client.line(), client.own(n, &format!("line {n}")));
        }
        let last = [client.own(100, "line 100"), "1 lines".to_owned(), String::new()];
        assert_eq!([client.line(), client.line(), client.line()], last);
        server.signal("INT");
        assert_eq!(server.end().len(), 100);
    });
}

/// It is not read from until it has read, so it cannot make the server remember more and more.
#[test]
fn a_client_that_does_not_read_harms_nobody() {
    within(LIMIT, || {
        let server = Server::start("chatlog-deaf");
        let mut deaf = server.connect();
        deaf.send(b"/stats\n");
        assert!(deaf.line().starts_with("1 clients"));
        deaf.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let flood = b"\xff\n".repeat(32 * 1024);
        let refused = (0..1000).find_map(|_| deaf.stream.write_all(&flood).err()).unwrap();
        assert_eq!(refused.kind(), std::io::ErrorKind::WouldBlock, "the server reads no more");
        let mut other = server.connect();
        other.send(b"is anybody there?\n");
        assert_eq!(other.line(), other.own(1, "is anybody there?"));
        drop(deaf);
        server.signal("INT");
        assert_eq!(server.end().len(), 1);
    });
}

#[test]
fn it_stops_cleanly_when_nobody_listens_to_its_output() {
    within(LIMIT, || {
        let mut server = Server::start("chatlog-pipe");
        server.close_output();
        let mut client = server.connect();
        client.send(b"hello\n");
        assert_eq!(client.line(), client.own(1, "hello"));
        writeln!(server.console, "stats").unwrap();
        server.signal("INT");
        assert_eq!(server.end().len(), 1);
    });
}

#[test]
fn a_port_in_use_and_a_bad_option_are_said_clearly() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().parent().unwrap().join("examples/chatlog");
    let failed = |arguments: &[&str]| {
        let output = Command::new(&program).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(failed(&["--listen", &address]).contains(&address));
    assert!(failed(&["--listen", "nowhere"]).contains("\"nowhere\""));
    assert!(failed(&["--announce", "-1"]).contains("-1"));
    assert!(failed(&["--color"]).contains("usage: chatlog"));
}
