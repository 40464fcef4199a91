//! A reactor inside of somebody else's loop.
//!
//! A GUI toolkit, a game or a window system has a loop of its own and does not give the thread away.
//! It can wait for one more descriptor, though: that of the reactor becomes readable when there is
//! something to do, be it I/O, a timer or a call from another thread. Then the loop makes one turn.
//!
//! Here the foreign loop is a few lines around `poll`. It waits for its own events, key presses that
//! come through a socket, and for the reactor, in which a timer ticks, a job runs in the thread pool
//! and another thread calls.
//!
//! Run it: `cargo run --example embed`

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

#[cfg(target_os = "linux")]
mod program {
    use ropewalk::prelude::*;
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::retry_on_intr;
    use std::cell::Cell;
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;
    use std::rc::Rc;
    use std::thread::Builder;
    use std::time::Duration;

    pub(super) fn main() -> ropewalk::Result<()> {
        let reactor = Reactor::new()?;
        // What the job, the calling thread and the timer still owe us.
        let owed = Rc::new(Cell::new(3));

        let paid = Rc::clone(&owed);
        let job = reactor
            .defer_to_thread(|| Ok((1..=20_u64).product::<u64>()))
            .add_callback(move |factorial| {
                println!("reactor: a job has found 20! = {factorial}");
                paid.set(paid.get() - 1);
            })
            .add_errback(|failure| println!("reactor: {failure:#}"));
        let (mut keyboard, mut window) = UnixStream::pair()?;
        let (handle, paid) = (reactor.handle(), reactor.share(Rc::clone(&owed)));
        let user = Builder::new().name("user".to_owned()).spawn(move || {
            // A user, who presses keys, and who also calls the reactor.
            for key in b"abc" {
                let _ = keyboard.write_all(&[*key]);
            }
            let answer = handle.blocking_call_from_thread(|reactor| Ok(reactor.running()));
            println!("user: does the reactor run? {answer:?}");
            let _ = paid.call_from_thread(|owed, _| owed.set(owed.get() - 1));
            let _ = keyboard.write_all(b"q");
        })?;
        tick(&reactor, 1, &owed);

        // The foreign loop.
        reactor.start_running()?;
        let mut open = true;
        while open || owed.get() > 0 {
            let mut waits =
                [PollFd::new(&reactor, PollFlags::IN), PollFd::new(&window, PollFlags::IN)];
            let watched = if open { 2 } else { 1 };
            // A signal that has a handler interrupts it.
            retry_on_intr(|| poll(&mut waits[..watched], None))?;
            let [reactor_ready, key_pressed] = waits.map(|one| !one.revents().is_empty());
            if reactor_ready {
                reactor.turn(Some(Duration::ZERO))?;
            }
            if key_pressed {
                let mut key = [0];
                open = window.read(&mut key)? > 0 && key != *b"q";
                println!("window: {}", if open { "a key was pressed" } else { "closed" });
            }
        }
        let _ = user.join();

        // A run that is to stop only shuts down: the pool's threads end, and all is delivered.
        reactor.stop();
        reactor.run()?;
        job.try_take().map_err(|_| anyhow::anyhow!("the job is lost"))??;
        println!("reactor: stopped");
        Ok(())
    }

    fn tick(reactor: &Reactor, number: u32, owed: &Rc<Cell<u32>>) {
        let owed = Rc::clone(owed);
        reactor.call_later(Duration::from_millis(1), move |reactor| {
            if number == 3 {
                println!("reactor: it has ticked three times");
                owed.set(owed.get() - 1);
            } else {
                tick(reactor, number + 1, &owed);
            }
        });
    }
}

#[cfg(target_os = "linux")]
fn main() -> ropewalk::Result<()> {
    program::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("there is no one descriptor to wait for here: see `Reactor::poll_timeout`");
}
