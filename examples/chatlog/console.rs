//! The console: a thread that blocks on standard input, and asks the reactor for answers.
//!
//! `blocking_call_from_thread` looks like a function call. If the reactor stops meanwhile, it
//! returns an error instead of waiting for ever.

use crate::chat::Chat;
use ropewalk::prelude::*;
use std::io::BufRead as _;
use std::rc::Rc;

pub(crate) fn run(chat: &Remote<Rc<Chat>>) {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        match line.trim() {
            "quit" => {
                println!("stopping");
                chat.handle().stop();
                break;
            }
            line => match command(chat, line) {
                Ok(answer) => println!("{answer}"),
                Err(failure) => println!("error: {failure:#}"),
            },
        }
    }
}

fn command(chat: &Remote<Rc<Chat>>, line: &str) -> ropewalk::Result<String> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    match verb {
        "stats" => ask(chat, |chat, reactor| chat.stats(reactor)),
        "who" => ask(chat, |chat, _| Deferred::succeed(chat.who())),
        "say" if !rest.trim().is_empty() => {
            let text = rest.trim().to_owned();
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
        None => Deferred::fail(anyhow::anyhow!("the chat is closed")),
    })
}
