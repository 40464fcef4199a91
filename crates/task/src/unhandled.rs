//! The hook of a reactor for failures that nobody handled.
//!
//! The crate of the deferreds knows no reactor. It asks the router that it is given here, which
//! looks for the reactor that is current on this thread: one that runs, or one that is being
//! dropped, whose hook is therefore kept until all else of it is gone. In which order who is asked
//! is written down at [`Unhandled`].
//!
//! **Borrow rule:** a hook is called, and dropped, with nothing borrowed.

use ropewalk_deferred::{Unhandled, route_unhandled};
use ropewalk_reactor::Reactor;
use std::cell::RefCell;
use std::rc::Rc;

type Hook = Rc<dyn Fn(Unhandled)>;

#[derive(Default)]
struct Slot(RefCell<Option<Hook>>);

/// Replaces the hook of `reactor`.
pub(crate) fn set_hook(reactor: &Reactor, hook: Option<Hook>) {
    route_unhandled(route);
    let old = reactor.lasting::<Slot>().0.replace(hook);
    drop(old);
}

/// Gives it to the hook of the current reactor, or back.
fn route(unhandled: Unhandled) -> Option<Unhandled> {
    // A copy of the hook, so that it may be replaced while it runs.
    let hook = Reactor::with_current(|reactor| reactor.lasting::<Slot>().0.borrow().clone());
    match hook.flatten() {
        Some(hook) => hook(unhandled),
        None => return Some(unhandled),
    }
    None
}
