//! What is said when a thread of ours has been in one call for too long.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::round::Round;

/// Says of `round` what there is to say: what the pool says of itself (on a thread of its own, for
/// that may hang as well), and what is known without it.
pub(crate) fn say(round: &Arc<Round>) {
    round.complaints.print();
    let (sender, receiver) = channel();
    let asked = Arc::clone(round);
    let ask = move || {
        let pool = asked.pool();
        let _ = sender.send(pool.map(|pool| format!("{pool:?}\n{}", pool.report())));
    };
    let spawned = thread::Builder::new().name("soak-report".to_owned()).spawn(ask);
    match spawned.map(|_| receiver.recv_timeout(Duration::from_secs(5))) {
        Ok(Ok(Some(report))) => eprintln!("{report}"),
        Ok(Ok(None)) => eprintln!("the handle of the pool is gone"),
        _ => eprintln!("the pool does not say anything of itself"),
    }
    eprintln!("{}", round.state_of_things());
}
