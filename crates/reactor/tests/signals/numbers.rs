//! The numbers of signals, beside those of another crate.

use ropewalk_reactor::signal;
use signal_hook::consts as system;

#[test]
fn the_numbers_of_signals_are_those_of_the_system() {
    let ours = [
        (signal::SIGALRM, system::SIGALRM),
        (signal::SIGCHLD, system::SIGCHLD),
        (signal::SIGCONT, system::SIGCONT),
        (signal::SIGHUP, system::SIGHUP),
        (signal::SIGINT, system::SIGINT),
        (signal::SIGPIPE, system::SIGPIPE),
        (signal::SIGQUIT, system::SIGQUIT),
        (signal::SIGTERM, system::SIGTERM),
        (signal::SIGTSTP, system::SIGTSTP),
        (signal::SIGUSR1, system::SIGUSR1),
        (signal::SIGUSR2, system::SIGUSR2),
        (signal::SIGWINCH, system::SIGWINCH),
    ];
    assert!(ours.iter().all(|(ours, system)| ours == system), "{ours:?}");
}
