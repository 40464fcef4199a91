//! One client: lines in, lines out.

use crate::chat::Chat;
use crate::member::Member;
use crate::store::Line;
use ropewalk::net::{ConnectionLost, LineProtocol, LineTooLong, Transport, line_text};
use ropewalk::prelude::*;
use std::rc::Rc;

pub(crate) struct Client {
    chat: Rc<Chat>,
    /// Known as soon as the connection is there.
    member: Option<(u64, Rc<Member>)>,
}

impl Client {
    pub(crate) fn new(chat: Rc<Chat>) -> Self {
        Self { chat, member: None }
    }

    fn line(&self, reactor: &Reactor, member: &Rc<Member>, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let answer = if verb.starts_with('/') {
            self.command(reactor, verb, rest.trim()).map(Some)
        } else {
            // What is stored is sent to everybody; only a failure is answered.
            let peer = member.peer().to_string();
            self.chat.store(reactor, peer, line.to_owned()).map(|_line| None)
        };
        member.asked();
        let (member, quits) = (Rc::clone(member), verb == "/quit");
        if quits {
            member.leaves();
        }
        answer
            .add_both(move |answer| {
                match answer {
                    Ok(Some(text)) => member.send(text + "\n"),
                    Ok(None) => {}
                    Err(failure) => member.error(&format!("{failure:#}")),
                }
                member.answered();
            })
            .detach();
    }

    fn command(&self, reactor: &Reactor, verb: &str, rest: &str) -> Deferred<String> {
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
        self.member = Some(self.chat.join(transport));
    }

    fn line_received(&mut self, _: &Transport, line: &[u8]) {
        let Some((_, member)) = &self.member else { return };
        match line_text(line) {
            Err(not_text) => member.error(&not_text.to_string()),
            Ok(_) if self.chat.is_closing() => member.error("the chat is closing"),
            Ok("") => {}
            Ok(line) => {
                Reactor::with_current(|reactor| self.line(reactor, member, line));
            }
        }
    }

    /// The line is skipped; the client stays.
    fn line_length_exceeded(&mut self, _: &Transport, too_long: &LineTooLong) {
        if let Some((_, member)) = &self.member {
            member.error(&too_long.to_string());
        }
    }

    fn drained(&mut self, _: &Transport) {
        if let Some((_, member)) = &self.member {
            member.drained();
        }
    }

    /// It says nothing more, but may still read what it asked for.
    fn peer_done(&mut self, _: &Transport) {
        if let Some((_, member)) = &self.member {
            member.leaves();
        }
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        if let Some((number, _)) = self.member.take() {
            tracing::info!(client = number, %reason, "left");
            self.chat.leave(number);
        }
    }
}

fn listed(lines: &[Line]) -> String {
    let mut text: Vec<_> = lines.iter().map(ToString::to_string).collect();
    text.push(format!("{} lines", lines.len()));
    text.join("\n")
}
