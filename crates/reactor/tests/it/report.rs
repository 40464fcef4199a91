//! What a run has to say when it is over.

use ropewalk_reactor::{PanicPolicy, Reactor, RunError};
use std::sync::Arc;

#[derive(Debug)]
struct Part(u32, #[expect(dead_code, reason = "it is counted")] Arc<()>);

#[test]
fn a_part_is_found_by_its_type_and_the_last_of_a_type_counts() {
    let reactor = Reactor::new().unwrap();
    let payload = Arc::new(());
    let (first, last) = (Part(1, Arc::clone(&payload)), Part(2, Arc::clone(&payload)));
    reactor.call_when_running(|reactor| {
        reactor.add_to_report(first);
        reactor.add_to_report("beside it");
        reactor.add_to_report(last);
        assert_eq!(reactor.run_report().get::<Part>().unwrap().0, 2);
        reactor.stop();
    });
    let report = reactor.run().unwrap();
    assert_eq!(report.get::<Part>().unwrap().0, 2);
    assert_eq!(report.get(), Some(&"beside it"));
    assert!(report.get::<u8>().is_none());
    assert_eq!(Arc::strong_count(&payload), 2, "the first one is gone");
    drop((report, reactor));
    assert_eq!(Arc::strong_count(&payload), 1);
}

#[test]
fn each_run_begins_with_nothing_and_one_that_failed_has_its_report() {
    let reactor = Reactor::builder().panic_policy(PanicPolicy::Stop).build().unwrap();
    reactor.add_to_report("before");
    reactor.call_when_running(|reactor| {
        assert_eq!(reactor.run_report().get::<&str>(), None);
        reactor.add_to_report("this far");
        panic!("on purpose");
    });
    let failed = reactor.run().unwrap_err();
    assert!(matches!(failed, RunError::Panicked { .. }), "{failed}");
    assert_eq!(reactor.run_report().get(), Some(&"this far"));
    reactor.stop();
    reactor.call_when_running(Reactor::stop);
    assert_eq!(reactor.run().unwrap().get::<&str>(), None);
}
