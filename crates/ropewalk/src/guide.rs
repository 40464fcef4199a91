//! The pages outside of the crate whose programs are compiled and run with the doc tests.
//!
//! Only there: these files are not in the package of this crate.

#[doc = include_str!("../../../docs/guide/src/using-threads.md")]
struct UsingThreads;

#[doc = include_str!("../../../docs/guide/src/crossing-threads.md")]
struct CrossingThreads;

#[doc = include_str!("../../../docs/guide/src/the-shutdown-matrix.md")]
struct TheShutdownMatrix;

#[doc = include_str!("../../../docs/guide/src/the-thread-pool.md")]
struct TheThreadPool;

#[doc = include_str!("../../../docs/guide/src/endpoints.md")]
struct Endpoints;

#[doc = include_str!("../../../docs/guide/src/deferreds.md")]
struct Deferreds;

#[doc = include_str!("../../../docs/guide/src/deferred-or-async.md")]
struct DeferredOrAsync;

#[doc = include_str!("../../../docs/guide/src/why-is-my-loop-slow.md")]
struct WhyIsMyLoopSlow;

#[doc = include_str!("../../../docs/guide/src/the-reactor.md")]
struct TheReactor;

#[doc = include_str!("../../../docs/guide/src/timers.md")]
struct Timers;

#[doc = include_str!("../../../docs/guide/src/testing-without-time.md")]
struct TestingWithoutTime;

#[doc = include_str!("../../../docs/guide/src/protocols-and-transports.md")]
struct ProtocolsAndTransports;

#[doc = include_str!("../../../docs/guide/src/streams.md")]
struct Streams;

#[cfg(feature = "tls")]
#[doc = include_str!("../../../docs/guide/src/encryption.md")]
struct Encryption;

#[doc = include_str!("../../../docs/guide/src/names-and-datagrams.md")]
struct NamesAndDatagrams;

#[doc = include_str!("../../../README.md")]
struct Readme;
