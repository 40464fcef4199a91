//! What the tests share.

use ropewalk_deferred::{Deferred, Result, Unhandled, clear_unhandled_hook, set_unhandled_hook};
use ropewalk_testing::{DEADLINE, within};
use std::any::type_name;
use std::cell::RefCell;
use std::env;
use std::fmt::Display;
use std::process::Command;
use std::rc::Rc;
use std::thread;

/// A list of lines that many closures write to.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, line: impl Display) {
        let line = line.to_string();
        self.0.borrow_mut().push(line);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// Writes a line when it is dropped.
pub(crate) struct LogsDrop(pub(crate) Log, pub(crate) &'static str);

impl Drop for LogsDrop {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

/// Panics when it is dropped.
pub(crate) struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

/// A million; a tenth of it without optimisation. That is still far too deep for any recursion, and
/// is done in time on a machine that has other things to do.
pub(crate) const MILLION: u32 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };

/// A slot for something that a closure has to reach and another has to fill.
pub(crate) type Shared<T> = Rc<RefCell<Option<T>>>;

pub(crate) fn shared<T>(value: T) -> Shared<T> {
    Rc::new(RefCell::new(Some(value)))
}

pub(crate) fn take<T>(shared: &Shared<T>) -> Option<T> {
    let mut slot = shared.borrow_mut();
    slot.take()
}

/// The result of a deferred that must have one by now.
#[track_caller]
pub(crate) fn result_of<T>(deferred: Deferred<T>) -> Result<T> {
    let result = peek(deferred);
    take(&result).expect("the deferred has no result yet")
}

/// Where the result of a deferred will be found.
pub(crate) fn peek<T>(deferred: Deferred<T>) -> Shared<Result<T>> {
    let place = Rc::new(RefCell::new(None));
    let slot = Rc::clone(&place);
    deferred
        .add_both(move |result| {
            slot.replace(Some(result));
        })
        .detach();
    place
}

/// The failure of a deferred that must have one by now.
#[track_caller]
pub(crate) fn failure_of<T>(deferred: Deferred<T>) -> ropewalk_deferred::Failure {
    result_of(deferred).err().expect("the deferred has a value")
}

/// What is reported as unhandled on this thread while `body` runs.
pub(crate) fn unhandled_in(body: impl FnOnce()) -> Vec<Unhandled> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let hook = Rc::clone(&seen);
    set_unhandled_hook(move |unhandled| hook.borrow_mut().push(unhandled));
    body();
    clear_unhandled_hook();
    seen.take()
}

/// Runs `body` under a deadline on a thread with a stack of 256 KiB.
pub(crate) fn small_stack(body: impl FnOnce() + Send) {
    within(DEADLINE, || {
        let name = thread::current().name().unwrap_or("small stack").to_owned();
        let builder = thread::Builder::new().name(name).stack_size(256 * 1024);
        thread::scope(|scope| builder.spawn_scoped(scope, body).unwrap().join().unwrap());
    });
}

/// As [`small_stack`], in a process of its own where a failure captures no backtrace.
///
/// `RUST_BACKTRACE` makes each failure walk the stack, which is thousands of times the work that a
/// test of a million failures is about.
pub(crate) fn without_backtraces<F: FnOnce() + Send>(body: F) {
    in_own_process::<F>(|| small_stack(body));
}

/// Runs `body` in a process of its own, where a failure captures no backtrace.
pub(crate) fn alone<F: FnOnce()>(body: F) {
    in_own_process::<F>(body);
}

/// `F` is a closure in the test, from which it takes its name.
fn in_own_process<F>(body: impl FnOnce()) {
    const SWITCH: &str = "RUST_LIB_BACKTRACE";
    if env::var_os(SWITCH).is_some_and(|value| value == "0") {
        body();
        return;
    }
    // "it::topic::test::{{closure}}"
    let closure = type_name::<F>();
    let test = closure.trim_start_matches("it::").trim_end_matches("::{{closure}}");
    let mut command = Command::new(env::current_exe().unwrap());
    let output = command.args(["--exact", test]).env(SWITCH, "0").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
}
