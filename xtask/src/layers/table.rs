//! Which of our crates may import which: the table of the design, held in code.
//!
//! Normal and build dependencies are held to it, and development dependencies too, except that
//! those may name `ropewalk-testing`. Change it together with `docs/architecture.md`.

/// One crate and what it may import.
pub(crate) struct Layer {
    pub(crate) package: &'static str,
    pub(crate) may_import: &'static [&'static str],
    /// The rule in words, for the message.
    pub(crate) rule: &'static str,
}

pub(crate) const TESTING: &str = "ropewalk-testing";
pub(crate) const BENCH: &str = "ropewalk-bench";

const DEFERRED: &str = "ropewalk-deferred";
const THREADPOOL: &str = "ropewalk-threadpool";
const REACTOR: &str = "ropewalk-reactor";
const THREADS: &str = "ropewalk-threads";
const TASK: &str = "ropewalk-task";
const NET: &str = "ropewalk-net";

const FLOOR_0: &str = "floor 0 crates import nothing of ours";
const ABOVE_NET: &str = "it stands on net and what is below";

const UP_TO_NET: &[&str] = &[DEFERRED, THREADPOOL, REACTOR, THREADS, TASK, NET];

pub(crate) const LAYERS: &[Layer] = &[
    Layer { package: DEFERRED, may_import: &[], rule: FLOOR_0 },
    Layer { package: THREADPOOL, may_import: &[], rule: FLOOR_0 },
    Layer { package: REACTOR, may_import: &[], rule: FLOOR_0 },
    Layer {
        package: THREADS,
        may_import: &[REACTOR, DEFERRED, THREADPOOL],
        rule: "it stands on floor 0",
    },
    Layer {
        package: TASK,
        may_import: &[REACTOR, DEFERRED],
        rule: "it stands on reactor and deferred, and starts no threads",
    },
    Layer {
        package: NET,
        may_import: &[DEFERRED, THREADPOOL, REACTOR, THREADS, TASK],
        rule: "it stands on floors 0 and 1",
    },
    Layer { package: "ropewalk-names", may_import: UP_TO_NET, rule: ABOVE_NET },
    Layer { package: "ropewalk-web", may_import: UP_TO_NET, rule: ABOVE_NET },
    Layer {
        package: "ropewalk",
        may_import: &[
            DEFERRED,
            THREADPOOL,
            REACTOR,
            THREADS,
            TASK,
            NET,
            "ropewalk-names",
            "ropewalk-web",
        ],
        rule: "the facade re-exports what users need, not what tests need",
    },
    Layer { package: TESTING, may_import: UP_TO_NET, rule: "it serves floors 0 to 2" },
    Layer {
        package: "ropewalk-examples",
        may_import: &["ropewalk"],
        rule: "examples use what users use: the facade",
    },
    Layer { package: "xtask", may_import: &[], rule: "a check must not depend on what it checks" },
];
