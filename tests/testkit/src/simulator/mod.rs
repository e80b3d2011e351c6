//! The simulated APIO platform: an HTTP server that keeps to the platform's wire contract, holds its state in memory, and
//! lets a test seed that state, change it behind the operator's back, order faults and read what was asked of it.
//!
//! "Platform contract, 4.3" in a comment is a section of `platform-api.md`, from which the rule comes.
//!
//! ```no_run
//! # use testkit::simulator::{Fault, Simulator};
//! # use std::time::Duration;
//! # async fn shown() -> std::io::Result<()> {
//! let platform = Simulator::start().await?;
//! platform.edit(|s| {
//!     s.settings.check_group.users = true;
//!     s.add_tenant("Acme");
//! });
//! platform.inject(Fault::drop_after().on("POST", "/tenants/Acme/groups/"));
//! // ... an operator at work on platform.url() ...
//! platform.wait_for("the group", Duration::from_secs(10), |_, s| s.group("Acme", "HQ").is_some()).await;
//! # Ok(()) }
//! ```

#![warn(missing_docs)]

mod access;
mod accounts;
mod admin;
mod contents;
mod domains;
mod doors;
mod faults;
mod filters;
mod groups;
mod journal;
mod limits;
mod line;
mod reply;
mod request;
mod resellers;
mod route;
mod server;
mod settings;
mod state;
mod tenants;
mod tls;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State as Extracted};
use axum::http::{Request, Response};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

pub use accounts::{Account, GROUP_ADMIN, SYSTEM_ADMIN, TENANT_ADMIN};
pub use doors::SECOND_FACTOR;
pub use faults::Fault;
pub use journal::{Call, Door};
pub use settings::{Assumptions, AutoCreate, CheckGroup, ObjectCreation, Settings};
pub use state::{Deletion, Group, State, Tenant, User};
pub use tls::TlsFront;

use line::{Line, LineListener};
use server::Shared;

/// The account that every simulator has: a System Admin.
pub const USERNAME: &str = "operator@sip.example.net";
/// The password of [`USERNAME`].
pub const PASSWORD: &str = "secret-for-tests";
/// A machine-to-machine token for door B, which does not expire; it stands for [`USERNAME`].
pub const M2M_TOKEN: &str = "m2m-token-for-tests";
/// The domain that every simulator has at system level.
pub const SYSTEM_DOMAIN: &str = "sip.example.net";

/// A running platform. Clones are handles of the same one; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct Simulator(Arc<Running>);

#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    place: Place,
}

/// Where a platform is reached.
#[derive(Debug)]
enum Place {
    Network {
        address: SocketAddr,
        /// Bound but never listening: nobody else gets the port while the platform is stopped.
        _reserved: TcpSocket,
        server: Mutex<Option<JoinHandle<()>>>,
    },
    /// By function calls, in whatever time the caller has: there is no socket and no thread.
    Process { is_stopped: AtomicBool },
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// Nobody listens.
    Refused,
    /// The connection ended.
    Cut,
}

impl Simulator {
    /// Starts a platform on a free port of 127.0.0.1.
    pub async fn start() -> io::Result<Simulator> {
        Simulator::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts a platform on an address of one's choice.
    pub async fn start_on(address: SocketAddr) -> io::Result<Simulator> {
        let reserved = bound(address)?;
        let address = reserved.local_addr()?;
        let place = Place::Network { address, _reserved: reserved, server: Mutex::new(None) };
        let simulator = Simulator(Arc::new(Running { shared: Arc::new(Shared::default()), place }));
        simulator.resume().await?;
        Ok(simulator)
    }

    /// A platform that is called by [`Simulator::answer`] only.
    pub fn in_process() -> Simulator {
        let place = Place::Process { is_stopped: AtomicBool::new(false) };
        Simulator(Arc::new(Running { shared: Arc::new(Shared::default()), place }))
    }

    /// `http://127.0.0.1:PORT`, to which the front doors' paths are added.
    pub fn url(&self) -> String {
        match &self.0.place {
            Place::Network { address, .. } => format!("http://{address}"),
            Place::Process { .. } => "http://platform.invalid".to_owned(),
        }
    }

    /// Answers a call as on a connection of its own.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn answer(&self, request: Request<Bytes>) -> Result<Response<Body>, NoAnswer> {
        if let Place::Process { is_stopped } = &self.0.place
            && is_stopped.load(Ordering::Relaxed)
        {
            return Err(NoAnswer::Refused);
        }
        let line = Line::default();
        self.0.shared.lines.add(&line);
        let (parts, body) = request.into_parts();
        let served = server::serve(
            Extracted(self.0.shared.clone()),
            ConnectInfo(line.clone()),
            parts.method,
            parts.uri,
            parts.headers,
            body,
        );
        tokio::select! {
            biased;
            () = line.ended() => Err(NoAnswer::Cut),
            response = served => if line.is_cut() { Err(NoAnswer::Cut) } else { Ok(response) },
        }
    }

    /// Every call of the platform, in the order of arrival; those of `/_sim/` are not among them.
    pub fn journal(&self) -> Vec<Call> {
        self.0.shared.lock().journal.calls.clone()
    }

    /// The same without a copy of it.
    pub fn look<R>(&self, at: impl FnOnce(&[Call]) -> R) -> R {
        at(&self.0.shared.lock().journal.calls)
    }

    /// Forgets the journal; numbering goes on.
    pub fn clear_journal(&self) {
        self.0.shared.with(|world| world.journal.calls.clear());
    }

    /// The calls of the journal that asked for a change: no reads, no logins.
    pub fn writes(&self) -> Vec<Call> {
        self.0.shared.lock().journal.calls.iter().filter(|call| call.is_write()).cloned().collect()
    }

    /// Reads or changes the state: seeds, settings, edits behind the operator's back. Calls wait meanwhile.
    pub fn edit<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        self.0.shared.with(|world| f(&mut world.state))
    }

    /// Orders a fault. With several that fit a call, the one ordered first hits.
    pub fn inject(&self, fault: Fault) {
        self.0.shared.with(|world| world.faults.add(fault));
    }

    /// No fault is in force any more. Calls that already hit one keep it.
    pub fn clear_faults(&self) {
        self.0.shared.with(|world| world.faults.clear());
    }

    /// Every call from now on takes at least so long.
    pub fn set_latency(&self, latency: Duration) {
        self.0.shared.with(|world| world.latency = latency);
    }

    /// Every session cookie and access token answers 401 from now on. Logging in again works, so do refresh tokens (see
    /// [`State::revoke_refresh_tokens`]) and machine-to-machine tokens.
    pub fn expire_sessions(&self) {
        self.0.shared.with(|world| world.state.sessions.expire());
    }

    /// Stops listening and cuts every connection: from now on they are refused. The state is kept.
    pub async fn stop(&self) {
        if let Place::Process { is_stopped } = &self.0.place {
            is_stopped.store(true, Ordering::Relaxed);
        }
        let server = self.0.take_server();
        if let Some(server) = server {
            server.abort();
            // It ends by being aborted; nothing else is of interest.
            let _ = server.await;
        }
        self.0.shared.lines.cut_all();
    }

    /// Listens again on the same port.
    pub async fn resume(&self) -> io::Result<()> {
        self.stop().await;
        let (address, running) = match &self.0.place {
            Place::Network { address, server, .. } => (*address, server),
            Place::Process { is_stopped } => {
                is_stopped.store(false, Ordering::Relaxed);
                return Ok(());
            }
        };
        let _there = threads().enter();
        let tcp: TcpListener = bound(address)?.listen(1024)?;
        let listener = LineListener { tcp, lines: self.0.shared.lines.clone() };
        let service = server::service(self.0.shared.clone());
        let server = tokio::spawn(async move {
            // axum's server has no end of its own.
            let _ = axum::serve(listener, service).await;
        });
        *running.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        Ok(())
    }

    /// Waits until journal and state are as wanted; looks again after every change of either.
    ///
    /// # Panics
    /// With `what` and the journal's tail, when the time is over.
    pub async fn wait_for(&self, what: &str, timeout: Duration, f: impl Fn(&[Call], &State) -> bool) {
        let shared = &self.0.shared;
        let met = || {
            let world = shared.lock();
            f(&world.journal.calls, &world.state)
        };
        let wait = async {
            loop {
                // Registered before the look, so that no change between look and wait is missed.
                let mut changed = std::pin::pin!(shared.changed.notified());
                changed.as_mut().enable();
                if met() {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(timeout, wait).await.is_err() {
            let calls = self.journal();
            let tail: Vec<String> = calls.iter().rev().take(30).rev().map(|call| format!("  {call}")).collect();
            panic!("waited {timeout:?} for {what}; the last of {} calls:\n{}", calls.len(), tail.join("\n"));
        }
    }
}

impl Running {
    fn take_server(&self) -> Option<JoinHandle<()>> {
        match &self.place {
            Place::Network { server, .. } => server.lock().unwrap_or_else(PoisonError::into_inner).take(),
            Place::Process { .. } => None,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(server) = self.take_server() {
            server.abort();
        }
        self.shared.lines.cut_all();
    }
}

/// What every simulator of the process runs on: a test that blocks, for kubectl or for a process, does not stop its platform.
fn threads() -> &'static Runtime {
    static THREADS: LazyLock<Runtime> = LazyLock::new(|| {
        let mut threads = Builder::new_multi_thread();
        threads.worker_threads(2).thread_name("simulator").enable_all().build().expect("threads can be started")
    });
    &THREADS
}

/// A socket whose address can be bound once more, as long as only one of them listens.
fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
