//! chatlog: a chat server that forgets nothing.
//!
//! Each line of a client is stored in a SQLite database and, once it is there, sent to every client
//! as `#id peer: text`. All four bridges are at work: the database blocks on a thread of its own
//! (`defer_to_thread_pool`), a console thread asks the reactor (`blocking_call_from_thread`), a
//! ticker thread tells it things (`Remote::call_from_thread`), and a signal stops it cleanly.
//!
//! Run it: `cargo run --release --example chatlog -- --listen 127.0.0.1:8007 --db chat.db`
//!
//! Then type `stats`, `who`, `say TEXT` or `quit` into it, and from other terminals connect with
//! `nc 127.0.0.1 8007` (or telnet) and type lines, `/last N`, `/find WORD`, `/stats`, `/quit`.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a program for the terminal")]

mod args;
mod chat;
mod client;
mod console;
mod member;
mod output;
mod store;

use args::{Args, USAGE};
use chat::Chat;
use client::Client;
use output::Output;
use ropewalk::net::LineReceiver;
use ropewalk::prelude::*;
use ropewalk::reactor::{Phase, SystemEvent};
use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;
use store::Store;

/// The longest line that a client may send, in bytes.
const LONGEST_LINE: usize = 4096;

/// How long a shutdown may take before what is stuck is named instead.
const PATIENCE: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    ropewalk_examples::init_tracing();
    let done = Args::parse(std::env::args_os().skip(1)).and_then(|args| match args {
        Some(args) => serve(args),
        None => {
            println!("{USAGE}");
            Ok(())
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("chatlog: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: Args) -> ropewalk::Result<()> {
    let reactor = Reactor::builder().shutdown_deadline(PATIENCE).build()?;
    reactor.stop_on_signals()?;
    let output = Output::start()?;
    let chat = Chat::new(Store::open(args.db.as_deref())?);

    let room = Rc::clone(&chat);
    let port = reactor.listen_tcp(args.listen, move |_peer| {
        LineReceiver::new(Client::new(Rc::clone(&room))).max_length(LONGEST_LINE)
    })?;
    output.line(format!("listening on {}", port.address()));

    // The way out: no new clients, no new lines. The lines that wait for the database hold the
    // shutdown until they are stored and sent.
    let (leaving, port, told) = (Rc::clone(&chat), Cell::new(Some(port)), output.clone());
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
        leaving.close();
        drop(port.take());
        told.line("closing");
    });

    let remote = reactor.share(Rc::clone(&chat));
    let (asked, answers) = (remote.clone(), output.clone());
    // It blocks on standard input, which cannot be interrupted: it is not joined.
    thread::Builder::new()
        .name("console".to_owned())
        .spawn(move || console::run(&asked, &answers))?;
    let (awake, asleep) = channel::<()>();
    let ticker = thread::Builder::new().name("ticker".to_owned()).spawn(move || {
        while asleep.recv_timeout(args.announce) == Err(RecvTimeoutError::Timeout) {
            let told = remote.call_from_thread(|chat, _| {
                chat.broadcast(&format!("* {}", chat.who()));
            });
            if told.is_err() {
                break;
            }
        }
    })?;

    let ran = reactor.run();
    drop(awake);
    if ticker.join().is_err() {
        eprintln!("chatlog: the ticker panicked");
    }
    // A run that was cut short leaves lines behind that nobody can be told of any more.
    let patience = if ran.is_ok() { PATIENCE } else { Duration::ZERO };
    let stopped = chat.database().pool().stop_within(patience);
    ran?;
    stopped?;
    output.line("stopped");
    output.finish();
    Ok(())
}
