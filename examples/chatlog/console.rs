//! The console: a thread that blocks on standard input, and asks the reactor for answers.
//!
//! `blocking_call_from_thread` looks like a function call. If the reactor stops meanwhile, it
//! returns an error instead of waiting for ever.

use crate::chat::Chat;
use crate::output::Output;
use ropewalk::prelude::*;
use std::io::BufRead as _;
use std::rc::Rc;

pub(crate) fn run(chat: &Remote<Rc<Chat>>, output: &Output) {
    for line in std::io::stdin().lock().split(b'\n') {
        let Ok(line) = line else { break };
        let answer = match std::str::from_utf8(&line).map(str::trim) {
            Ok("quit") => {
                output.line("stopping");
                chat.handle().stop();
                break;
            }
            Ok(line) => command(chat, line),
            Err(error) => Err(error.into()),
        };
        output.line(answer.unwrap_or_else(|failure| format!("error: {failure:#}")));
    }
}

fn command(chat: &Remote<Rc<Chat>>, line: &str) -> ropewalk::Result<String> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    match verb {
        "stats" => ask(chat, |chat, reactor| chat.stats(reactor)),
        "who" => ask(chat, |chat, _| Deferred::succeed(chat.who())),
        "say" => {
            let text = rest.trim().to_owned();
            anyhow::ensure!(!text.is_empty(), "say wants a text");
            ask(chat, move |chat, reactor| {
                let stored = chat.store(reactor, "console".to_owned(), text);
                stored.map(|line| format!("said as #{}", line.id))
            })
        }
        "" => Ok("commands: stats, who, say TEXT, quit".to_owned()),
        _ => anyhow::bail!("unknown command {line:?}: there are stats, who, say TEXT, quit"),
    }
}

/// Asks the chat, which lives on the reactor thread, and waits here.
fn ask(
    chat: &Remote<Rc<Chat>>,
    question: impl FnOnce(&Rc<Chat>, &Reactor) -> Deferred<String> + Send + 'static,
) -> ropewalk::Result<String> {
    let there = chat.clone();
    chat.handle().blocking_call_from_thread(move |reactor| match there.get(reactor) {
        Some(chat) => question(&chat, reactor),
        None => Deferred::fail(Failure::msg("the chat is closed")),
    })
}
