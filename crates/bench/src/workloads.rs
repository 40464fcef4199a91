//! What there is to run. One module per workload, in it one file per contestant.

mod accept;
mod blocking_call;
mod burst;
mod calls;
mod chain;
pub(crate) mod crowd;
mod defer;
mod dispatch;
mod echo;
mod fan_out;
mod idle;
mod memory;
mod spawn;
mod timers;
mod turn;
mod wake_latency;

use crate::workload::Workload;

/// As many threads as our reactor's pool has at most; the pools of the peers are held to it.
pub(crate) const POOL_THREADS: usize = 10;

pub(crate) const ALL: &[&Workload] = &[
    &calls::CALLS,
    &calls::CALLS_4_PRODUCERS,
    &wake_latency::WAKE_LATENCY,
    &echo::ONE,
    &echo::FIFTY,
    &echo::THOUSAND,
    &echo::TEN_THOUSAND,
    &echo::BULK_ONE,
    &echo::BULK_TEN,
    &accept::ACCEPT,
    &idle::WAKES,
    &idle::BYTES,
    &idle::NET_MEMORY,
    &blocking_call::BLOCKING_CALL,
    &defer::DEFER,
    &defer::DEFER_64,
    &chain::PENDING,
    &chain::FIRED,
    &chain::FAILING,
    &chain::TURNING,
    &chain::SINGLE,
    &chain::LONG,
    &spawn::WOKEN,
    &spawn::READY,
    &spawn::MILLION,
    &dispatch::ONE,
    &dispatch::TWO,
    &dispatch::EIGHT,
    &dispatch::TEN,
    &dispatch::MPSC_TWO,
    &dispatch::MPSC_EIGHT,
    &dispatch::MPSC_TEN,
    &burst::BURST_64,
    &burst::BURST_1000,
    &fan_out::FAN_OUT,
    &memory::QUEUED,
    &memory::IDLE,
    &timers::CANCEL,
    &timers::CHURN,
    &timers::FIRE,
    &timers::MEMORY,
];

/// Workloads whose system calls are counted, and with how many operations.
pub(crate) const COUNTED: &[(&Workload, usize)] = &[
    (&calls::CALLS, 20_000),
    (&wake_latency::WAKE_LATENCY, 500),
    (&turn::EMPTY, 1_000),
    (&echo::ONE, 500),
    (&echo::BULK_ONE, 500),
    (&accept::ACCEPT, 500),
    (&turn::TIMER, 100),
];

/// Workloads that one name stands for.
pub(crate) const GROUPS: &[(&str, &[&Workload])] = &[
    (
        "chain",
        &[
            &chain::PENDING,
            &chain::FIRED,
            &chain::FAILING,
            &chain::TURNING,
            &chain::SINGLE,
            &chain::LONG,
        ],
    ),
    ("echo", &[&echo::ONE, &echo::FIFTY, &echo::THOUSAND, &echo::TEN_THOUSAND]),
    ("bulk", &[&echo::BULK_ONE, &echo::BULK_TEN]),
    (
        "net",
        &[
            &echo::ONE,
            &echo::FIFTY,
            &echo::THOUSAND,
            &echo::TEN_THOUSAND,
            &echo::BULK_ONE,
            &echo::BULK_TEN,
            &accept::ACCEPT,
            &idle::NET_MEMORY,
        ],
    ),
    ("idle", &[&idle::WAKES, &idle::BYTES]),
    ("spawn", &[&spawn::WOKEN, &spawn::READY, &spawn::MILLION]),
    (
        "dispatch",
        &[
            &dispatch::ONE,
            &dispatch::TWO,
            &dispatch::EIGHT,
            &dispatch::TEN,
            &dispatch::MPSC_TWO,
            &dispatch::MPSC_EIGHT,
            &dispatch::MPSC_TEN,
        ],
    ),
    ("dispatch_mpsc", &[&dispatch::MPSC_TWO, &dispatch::MPSC_EIGHT, &dispatch::MPSC_TEN]),
    ("burst", &[&burst::BURST_64, &burst::BURST_1000]),
    ("timers", &[&timers::CANCEL, &timers::CHURN, &timers::FIRE, &timers::MEMORY]),
    ("memory", &[&memory::QUEUED, &memory::IDLE]),
];
