//! One program run to its end, or killed when its time is over.
//!
//! Its two streams are read on threads of their own: a program that fills one pipe while we read
//! the other would never end. Nobody waits for those threads, because a process that the program
//! left behind could hold the pipes open for ever.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::workspace::relative;

pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) directory: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) input: String,
    pub(super) limit: Duration,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) output: String,
    pub(super) errors: String,
    /// What is wrong with the end itself.
    pub(super) verdict: Option<String>,
}

/// How often we look whether a program is gone whose pipes are held open, or closed early.
const LOOK: Duration = Duration::from_millis(20);

enum Piece {
    Output(Vec<u8>),
    Errors(Vec<u8>),
}

impl Program {
    pub(super) fn run(&self) -> Result<Ended, Failure> {
        let start = Instant::now();
        let failed = |error: io::Error| Failure::io(self, &error);
        let mut child = self.command().spawn().map_err(failed)?;
        let (sender, pieces) = channel();
        if let Some(stream) = child.stdout.take() {
            read(stream, sender.clone(), Piece::Output).map_err(failed)?;
        }
        if let Some(stream) = child.stderr.take() {
            read(stream, sender, Piece::Errors).map_err(failed)?;
        }
        if let Some(mut input) = child.stdin.take() {
            let text = self.input.clone();
            // A program need not read what it is given: a broken pipe is its right.
            let write = move || drop(input.write_all(text.as_bytes()));
            thread::Builder::new().name("stdin".to_owned()).spawn(write).map_err(failed)?;
        }
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let verdict = loop {
            let open = gather(&pieces, LOOK, &mut output, &mut errors);
            if let Some(status) = child.try_wait().map_err(failed)? {
                break (!status.success()).then(|| format!("it ended with {status}"));
            }
            if start.elapsed() > self.limit {
                kill(&mut child);
                break Some(format!("it had not ended after {:?} and was killed", self.limit));
            }
            if !open {
                thread::park_timeout(LOOK);
            }
        };
        // It is gone; what it had written is in the pipes.
        while gather(&pieces, LOOK * 10, &mut output, &mut errors) && start.elapsed() < self.limit {
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Ended { output: text(output), errors: text(errors), verdict })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).current_dir(&self.directory).env_remove("RUST_LOG");
        command.envs(self.environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", relative(&self.path))
    }
}

fn read(
    mut stream: impl Read + Send + 'static,
    sender: Sender<Piece>,
    piece: fn(Vec<u8>) -> Piece,
) -> io::Result<()> {
    let body = move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            if sender.send(piece(buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    };
    thread::Builder::new().name("output".to_owned()).spawn(body).map(drop)
}

/// Takes what comes within `time`; false if nothing can come any more.
fn gather(pieces: &Receiver<Piece>, time: Duration, out: &mut Vec<u8>, err: &mut Vec<u8>) -> bool {
    match pieces.recv_timeout(time) {
        Ok(Piece::Output(bytes)) => out.extend(bytes),
        Ok(Piece::Errors(bytes)) => err.extend(bytes),
        Err(RecvTimeoutError::Timeout) => {}
        Err(RecvTimeoutError::Disconnected) => return false,
    }
    true
}

fn kill(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::Program;
    use std::time::Duration;

    fn shell(script: &str, input: &str, limit: Duration) -> super::Ended {
        let program = Program {
            path: "/bin/sh".into(),
            directory: "/".into(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            environment: vec![("KEY".to_owned(), "value".to_owned())],
            input: input.to_owned(),
            limit,
        };
        program.run().unwrap()
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn gives_both_streams_of_a_program_that_reads_its_input() {
        let ended = shell("read a; echo $a $KEY; echo oops >&2", "one\ntwo\n", LONG);
        assert_eq!((ended.output.as_str(), ended.errors.as_str()), ("one value\n", "oops\n"));
        assert_eq!(ended.verdict, None);
    }

    #[test]
    fn input_ends_at_once_if_there_is_none() {
        assert_eq!(shell("cat; echo done", "", LONG).output, "done\n");
    }

    #[test]
    fn more_output_than_a_pipe_holds_is_read() {
        let script = "i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done";
        assert_eq!(shell(script, "", LONG).output.len(), 220_000);
    }

    #[test]
    fn a_program_that_fails_or_overruns_is_told_of() {
        assert!(shell("exit 3", "", LONG).verdict.unwrap().contains("exit status: 3"));
        let ended = shell("echo begun; exec tail -f /dev/null", "", Duration::from_millis(300));
        assert!(ended.verdict.unwrap().contains("was killed"));
        assert_eq!(ended.output, "begun\n");
    }
}
