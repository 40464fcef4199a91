//! The `tracing` span that a task takes along.

use crate::signal::{Signal, manual, settle};
use ropewalk_task::ReactorTask;
use ropewalk_testing::LogLines;
use tracing::{info, info_span};

/// What is logged while `body` runs, line by line, without time and level.
fn logged(body: impl FnOnce()) -> Vec<String> {
    let lines = LogLines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_level(false)
        .with_target(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, body);
    lines.text().lines().map(|line| line.trim().to_owned()).collect()
}

struct Last;

impl Drop for Last {
    fn drop(&mut self) {
        info!("dropped");
    }
}

#[test]
fn w29_a_task_runs_in_the_span_in_which_it_was_spawned() {
    let (clock, reactor) = manual();
    let signal = Signal::default();
    let lines = logged(|| {
        let waits = signal.clone();
        let request = info_span!("request", id = 7).in_scope(|| {
            reactor.spawn(async move {
                let _last = Last;
                info!("first");
                waits.wait().await;
                info!("second");
                Ok(())
            })
        });
        let plain = reactor.spawn(async { info!("plain") });
        request.add_callback(|()| info!("callback")).detach();
        settle(&clock);
        info_span!("waker").in_scope(|| signal.set());
        settle(&clock);
        plain.detach();
    });
    let expected = [
        "request{id=7}: first",
        "plain",
        "request{id=7}: second",
        "request{id=7}: dropped",
        "callback",
    ];
    assert_eq!(lines, expected);
}

fn panics_on_purpose() {
    panic!("on purpose");
}

#[test]
fn w29_a_task_that_is_cancelled_or_panics_leaves_its_span() {
    let (clock, reactor) = manual();
    let lines = logged(|| {
        let span = info_span!("span");
        let waits = span.in_scope(|| {
            let last = Last;
            reactor.spawn(async move {
                let _last = last;
                std::future::pending::<()>().await;
            })
        });
        let panics = span.in_scope(|| {
            reactor.spawn(async {
                let _last = Last;
                panics_on_purpose();
            })
        });
        drop(span);
        settle(&clock);
        info!("between");
        waits.cancel();
        waits.add_errback(|_| info!("after")).detach();
        panics.add_both(|_| ()).detach();
    });
    assert_eq!(lines, ["span: dropped", "between", "span: dropped", "after"]);
}
