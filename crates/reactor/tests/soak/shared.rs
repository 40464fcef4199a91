//! Values that live with a reactor, and references to reactors, some of which are gone.

use std::rc::Rc;
use std::sync::Arc;

use ropewalk_reactor::{Reactor, ReactorRef};
use ropewalk_testing::soak::{Dice, Stock, add};

use crate::life::{LOOPER, Life};
use crate::ticket::{contained, seat};
use crate::world::World;

/// So many references are kept at once.
const KEPT: usize = 16;

thread_local! {
    /// To the reactor of these days, and to those before it.
    static REFERENCES: Rc<Stock<ReactorRef>> = Rc::new(Stock::of(KEPT));
}

fn references() -> Rc<Stock<ReactorRef>> {
    REFERENCES.with(Rc::clone)
}

/// On the thread of the reactors.
pub(crate) fn let_go_of_references() {
    drop(references().take_all());
}

/// A value that lives with a reactor, and is reached from all threads.
pub(crate) struct Shared {
    world: Arc<World>,
    life: Arc<Life>,
    /// Most often to its own reactor: a circle, which the end of that opens.
    #[expect(dead_code, reason = "it is there to be dropped")]
    reactor: Option<ReactorRef>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        add(&self.world.tally.shared_dropped);
        if seat() != LOOPER {
            self.world.complain("a shared value was dropped on another thread".to_owned());
        }
    }
}

pub(crate) fn share(world: &Arc<World>, reactor: &Reactor, life: &Arc<Life>, dice: &mut Dice) {
    add(&world.tally.shared);
    let (world, life) = (Arc::clone(world), Arc::clone(life));
    let value = Shared { world: Arc::clone(&world), life, reactor: reactor.downgrade().upgrade() };
    let remote = reactor.share(value);
    contained(|| world.keep_remote(remote, dice));
}

/// With a reactor that most often is gone; nobody ever asks for the value.
pub(crate) fn share_elsewhere(
    world: &Arc<World>,
    reactor: &Reactor,
    life: &Arc<Life>,
    dice: &mut Dice,
) {
    let kept = references();
    // More than are taken, so that some are left when it is gone.
    for own in (0..4).filter_map(|_| reactor.downgrade().upgrade()) {
        let displaced = kept.keep(own, dice);
        contained(|| drop(displaced));
    }
    let (Some(other), taken) = (kept.take(dice), kept.take(dice)) else { return };
    add(&world.tally.shared);
    let value = Shared { world: Arc::clone(world), life: Arc::clone(life), reactor: taken };
    contained(|| drop(other.share(value)));
    let displaced = kept.keep(other, dice);
    contained(|| drop(displaced));
}

pub(crate) fn on_shared(
    job: impl FnOnce(&Reactor) + Send + 'static,
) -> impl FnOnce(&Rc<Shared>, &Reactor) + Send + 'static {
    move |shared, reactor| {
        if !shared.life.handle.same_reactor(&reactor.handle()) {
            shared.world.complain("a shared value of another reactor".to_owned());
        }
        job(reactor);
    }
}
