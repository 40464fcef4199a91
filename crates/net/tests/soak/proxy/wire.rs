//! One connection through the proxy, and what is done to it.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ropewalk_testing::soak::Dice;
use socket2::SockRef;

use super::Shared;
use super::lane::{Lane, is_transient};
use crate::record::Path;

/// One harm in so many looks, when nothing moves.
const IDLE: usize = 3000;

enum Ends {
    Waiting(TcpListener),
    Joined { near: TcpStream, far: TcpStream },
}

pub(crate) struct Wire {
    ends: Option<Ends>,
    target: SocketAddr,
    path: Path,
    forth: Lane,
    back: Lane,
    harm: usize,
    dice: Dice,
}

impl Wire {
    pub(super) fn new(
        listener: TcpListener,
        target: SocketAddr,
        path: Path,
        harm: usize,
        dice: Dice,
    ) -> Self {
        let ends = Some(Ends::Waiting(listener));
        let (forth, back) = (Lane::default(), Lane::default());
        Self { ends, target, path, forth, back, harm, dice }
    }

    /// Moves what there is; whether it is to be called again.
    pub(super) fn serve(&mut self, shared: &Shared) -> bool {
        match self.ends.take() {
            Some(Ends::Waiting(listener)) => {
                self.ends = self.accept(shared, listener);
            }
            Some(Ends::Joined { near, far }) => self.ends = self.join(shared, near, far),
            None => {}
        }
        self.ends.is_some()
    }

    fn accept(&mut self, shared: &Shared, listener: TcpListener) -> Option<Ends> {
        if self.is_harmful(shared, IDLE) {
            // Whoever has connected, or is about to, finds nobody.
            self.spoil(shared);
            return None;
        }
        match listener.accept() {
            Ok((near, _)) => {
                let far = TcpStream::connect(self.target);
                let joined = far.and_then(|far| {
                    near.set_nonblocking(true)?;
                    far.set_nonblocking(true)?;
                    far.set_nodelay(true)?;
                    Ok(far)
                });
                shared.moved.fetch_add(1, Ordering::SeqCst);
                match joined {
                    Ok(far) => Some(Ends::Joined { near, far }),
                    Err(_) => {
                        self.path.spoil();
                        None
                    }
                }
            }
            Err(error) if is_transient(&error) => Some(Ends::Waiting(listener)),
            Err(_) => {
                self.path.spoil();
                None
            }
        }
    }

    fn join(&mut self, shared: &Shared, near: TcpStream, far: TcpStream) -> Option<Ends> {
        let is_calm = shared.is_calm();
        let forth = self.forth.pump(&near, &far, is_calm);
        let back = self.back.pump(&far, &near, is_calm);
        let (Ok(forth), Ok(back)) = (forth, back) else {
            // One of the ends is gone, and the other hears of it with all that is lost.
            self.path.spoil();
            reset(&near);
            reset(&far);
            shared.moved.fetch_add(1, Ordering::SeqCst);
            return None;
        };
        shared.moved.fetch_add(forth + back, Ordering::SeqCst);
        if self.forth.is_over() && self.back.is_over() {
            return None;
        }
        let chances = if forth + back > 0 { 1 } else { IDLE };
        if self.is_harmful(shared, chances) {
            return self.do_harm(shared, near, far);
        }
        Some(Ends::Joined { near, far })
    }

    fn is_harmful(&mut self, shared: &Shared, chances: usize) -> bool {
        self.harm > 0 && !shared.is_calm() && self.dice.one_in(self.harm * chances)
    }

    fn spoil(&self, shared: &Shared) {
        self.path.spoil();
        shared.harms.fetch_add(1, Ordering::SeqCst);
    }

    fn do_harm(&mut self, shared: &Shared, near: TcpStream, far: TcpStream) -> Option<Ends> {
        let is_forth = self.dice.one_in(2);
        let lane = if is_forth { &mut self.forth } else { &mut self.back };
        match self.dice.below(12) {
            0..5 => {
                let time = Duration::from_micros(self.dice.pick(&[300, 2000, 30_000]));
                lane.stalled = Some(Instant::now() + time);
            }
            5..9 => lane.crumbs += self.dice.pick(&[3, 50, 500]),
            9 => {
                self.path.spoil();
                lane.is_cut = true;
                let _ = if is_forth { &far } else { &near }.shutdown(Shutdown::Write);
            }
            10 => {
                self.spoil(shared);
                reset(&near);
                reset(&far);
                return None;
            }
            _ => {
                self.spoil(shared);
                return None;
            }
        }
        shared.harms.fetch_add(1, Ordering::SeqCst);
        Some(Ends::Joined { near, far })
    }
}

/// Closed, it is reset.
fn reset(socket: &TcpStream) {
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}
