//! Mistakes that must not compile (I1), each next to a twin that does.
//!
//! A test of the failing block alone could fail for any reason; the twin pins down which one.

/// A transport goes to another thread as a `Remote`.
///
/// ```
/// # fn example(reactor: &ropewalk_reactor::Reactor, transport: ropewalk_net::Transport) {
/// let remote = reactor.share(transport);
/// std::thread::spawn(move || {
///     remote.call_from_thread(|transport, _| { transport.write(b"hello"); }).is_ok()
/// });
/// # }
/// ```
///
/// It does not go as it is.
///
/// ```compile_fail,E0277
/// # fn example(reactor: &ropewalk_reactor::Reactor, transport: ropewalk_net::Transport) {
/// std::thread::spawn(move || { transport.write(b"hello"); });
/// # }
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct TransportsStayOnTheirThread;

/// A call from a thread may capture a `Remote` of a transport.
///
/// ```
/// # fn example(reactor: &ropewalk_reactor::Reactor, transport: ropewalk_net::Transport) {
/// let remote = reactor.share(transport);
/// reactor
///     .handle()
///     .call_from_thread(move |reactor| {
///         remote.get(reactor).inspect(|transport| transport.lose_connection());
///     })
///     .unwrap();
/// # }
/// ```
///
/// It may not capture the transport.
///
/// ```compile_fail,E0277
/// # fn example(reactor: &ropewalk_reactor::Reactor, transport: ropewalk_net::Transport) {
/// reactor.handle().call_from_thread(move |_| transport.lose_connection()).unwrap();
/// # }
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct CallsDoNotCaptureTransports;

/// A job in a pool may capture a `Remote` of a transport.
///
/// ```
/// # fn example(
/// #     reactor: &ropewalk_reactor::Reactor,
/// #     transport: ropewalk_net::Transport,
/// #     pool: &ropewalk_threadpool::ThreadPool,
/// # ) {
/// let remote = reactor.share(transport);
/// pool.call_in_thread(move || {
///     let text = std::fs::read("answer").unwrap_or_default();
///     let _ = remote.call_from_thread(move |transport, _| { transport.write(&text); });
/// })
/// .unwrap();
/// # }
/// ```
///
/// It may not capture the transport.
///
/// ```compile_fail,E0277
/// # fn example(
/// #     reactor: &ropewalk_reactor::Reactor,
/// #     transport: ropewalk_net::Transport,
/// #     pool: &ropewalk_threadpool::ThreadPool,
/// # ) {
/// pool.call_in_thread(move || {
///     let text = std::fs::read("answer").unwrap_or_default();
///     transport.write(&text);
/// })
/// .unwrap();
/// # }
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct JobsDoNotCaptureTransports;

/// The handle of a port is dropped on the reactor thread.
///
/// ```
/// # fn example(reactor: &ropewalk_reactor::Reactor, port: ropewalk_net::ListeningPort) {
/// let remote = reactor.share(port);
/// std::thread::spawn(move || {
///     remote.call_from_thread(|port, _| port.stop_listening().detach()).is_ok()
/// });
/// # }
/// ```
///
/// Not on another one.
///
/// ```compile_fail,E0277
/// # fn example(reactor: &ropewalk_reactor::Reactor, port: ropewalk_net::ListeningPort) {
/// std::thread::spawn(move || port.stop_listening().detach());
/// # }
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct PortsStayOnTheirThread;

/// A stream is made on the thread that reads and writes it.
///
/// ```
/// use futures_lite::AsyncReadExt as _;
/// use ropewalk_task::ReactorTask as _;
/// # fn example(handle: ropewalk_reactor::ReactorHandle) {
/// let _ = handle.call_from_thread(|reactor| {
///     let connecting = ropewalk_net::TcpStream::connect(reactor, "localhost", 8007);
///     let reading = async move { Ok(connecting.await?.read(&mut [0; 512]).await?) };
///     reactor.spawn(reading).map(drop).detach();
/// });
/// # }
/// ```
///
/// It cannot be brought there.
///
/// ```compile_fail,E0277
/// use futures_lite::AsyncReadExt as _;
/// use ropewalk_task::ReactorTask as _;
/// # fn example(handle: ropewalk_reactor::ReactorHandle, mut stream: ropewalk_net::TcpStream) {
/// let _ = handle.call_from_thread(|reactor| {
///     let reading = async move { Ok(stream.read(&mut [0; 512]).await?) };
///     reactor.spawn(reading).map(drop).detach();
/// });
/// # }
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct StreamsStayOnTheirThread;

/// A port deals in a kind of address that there is.
///
/// ```
/// fn port_of<A: ropewalk_net::AddressKind>() {}
/// port_of::<ropewalk_net::Address>();
/// ```
///
/// No other can be made one.
///
/// ```compile_fail,E0277
/// # #[derive(Clone)]
/// struct Other;
/// # impl From<Other> for ropewalk_net::Address {
/// #     fn from(_: Other) -> Self { Self::Inet(([127, 0, 0, 1], 80).into()) }
/// # }
/// # impl std::fmt::Display for Other {
/// #     fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { Ok(()) }
/// # }
/// impl ropewalk_net::AddressKind for Other {}
/// ```
#[expect(dead_code, reason = "carries a doc test")]
struct KindsOfAddressAreThoseThereAre;
