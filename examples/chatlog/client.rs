//! One client: lines in, lines out.

use crate::chat::Chat;
use crate::store::Line;
use ropewalk::net::{ConnectionLost, LineProtocol, LineTooLong, Transport, line_text};
use ropewalk::prelude::*;
use std::cell::Cell;
use std::rc::Rc;

/// A client with so many lines that are not stored yet is not read from for a while.
const IN_FLIGHT: usize = 64;

pub(crate) struct Client {
    chat: Rc<Chat>,
    number: u64,
    in_flight: Rc<Cell<usize>>,
}

impl Client {
    pub(crate) fn new(chat: Rc<Chat>) -> Self {
        Self { chat, number: 0, in_flight: Rc::default() }
    }

    fn say(&self, transport: &Transport, text: &str) {
        let peer = transport.peer().to_string();
        let stored =
            Reactor::with_current(|reactor| self.chat.store(reactor, peer, text.to_owned()));
        let Some(stored) = stored else { return };
        self.in_flight.set(self.in_flight.get() + 1);
        if self.in_flight.get() == IN_FLIGHT {
            transport.pause_producing();
        }
        let (in_flight, transport) = (Rc::clone(&self.in_flight), transport.clone());
        stored
            .add_both(move |result| {
                in_flight.set(in_flight.get() - 1);
                if in_flight.get() == IN_FLIGHT / 2 {
                    transport.resume_producing();
                }
                if let Err(failure) = result {
                    error(&transport, format_args!("not stored: {failure:#}"));
                }
            })
            .detach();
    }

    fn command(&self, transport: &Transport, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let answer = Reactor::with_current(|reactor| self.answer(reactor, verb, rest.trim()));
        let Some(answer) = answer else { return };
        let quits = verb == "/quit";
        if quits {
            transport.pause_producing();
        }
        let transport = transport.clone();
        answer
            .add_both(move |answer| {
                match answer {
                    Ok(text) => {
                        transport.write(format!("{text}\n").as_bytes());
                    }
                    Err(failure) => error(&transport, format_args!("{failure:#}")),
                }
                if quits {
                    transport.lose_connection();
                }
            })
            .detach();
    }

    fn answer(&self, reactor: &Reactor, verb: &str, rest: &str) -> Deferred<String> {
        let database = self.chat.database();
        match verb {
            "/last" => match rest.parse() {
                Ok(count) => database.last(reactor, count).map(|lines| listed(&lines)),
                Err(_) => {
                    Deferred::fail(Failure::msg(format!("/last wants a number, not {rest:?}")))
                }
            },
            "/find" if rest.is_empty() => Deferred::fail(Failure::msg("/find wants a word")),
            "/find" => database.find(reactor, rest.to_owned()).map(|lines| listed(&lines)),
            "/stats" => self.chat.stats(reactor),
            // Not before what this client asked for earlier has been answered.
            "/quit" => database.settled(reactor).map(|()| "bye".to_owned()),
            _ => Deferred::fail(Failure::msg(format!(
                "unknown command {verb}: there are /last N, /find WORD, /stats, /quit"
            ))),
        }
    }
}

impl LineProtocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        self.number = self.chat.join(transport);
    }

    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        match line_text(line) {
            Err(not_text) => error(transport, format_args!("{not_text}")),
            Ok(_) if self.chat.is_closing() => {
                error(transport, format_args!("the chat is closing"));
            }
            Ok("") => {}
            Ok(command) if command.starts_with('/') => self.command(transport, command),
            Ok(text) => self.say(transport, text),
        }
    }

    /// The line is skipped; the client stays.
    fn line_length_exceeded(&mut self, transport: &Transport, too_long: &LineTooLong) {
        error(transport, format_args!("{too_long}"));
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        tracing::info!(client = self.number, %reason, "left");
        self.chat.leave(self.number);
    }
}

fn error(transport: &Transport, text: std::fmt::Arguments<'_>) {
    transport.write(format!("error: {text}\n").as_bytes());
}

fn listed(lines: &[Line]) -> String {
    let mut text: Vec<_> = lines.iter().map(ToString::to_string).collect();
    text.push(format!("{} lines", lines.len()));
    text.join("\n")
}
