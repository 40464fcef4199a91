//! What a program needs in scope: the types of the first page, and the bridges' methods.
//!
//! ```
//! use ropewalk::prelude::*;
//! # let _: Deferred<()> = Deferred::succeed(());
//! # fn kept(_: Eventual<u32>) {}
//! ```

#[doc(no_inline)]
pub use ropewalk_deferred::{Deferred, Failure, Promise};
#[cfg(feature = "tls")]
#[doc(no_inline)]
pub use ropewalk_net::ReactorTls as _;
#[cfg(all(feature = "net", unix))]
#[doc(no_inline)]
pub use ropewalk_net::ReactorUnix as _;
#[cfg(feature = "net")]
#[doc(no_inline)]
pub use ropewalk_net::{ReactorEndpoints as _, ReactorNet as _, ReactorUdp as _};
#[doc(no_inline)]
pub use ropewalk_reactor::{DelayedCall, Reactor, ReactorHandle, Remote};
#[doc(no_inline)]
pub use ropewalk_task::{DeferredTimeout as _, ReactorTask as _};
#[doc(no_inline)]
pub use ropewalk_threadpool::{CancelToken, ThreadPool};
#[doc(no_inline)]
pub use ropewalk_threads::{
    Eventual, HandleThreads as _, ReactorThread, ReactorThreads as _, RemoteThreads as _,
};
