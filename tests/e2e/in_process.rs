//! The operator as a thread of the test: the same command line on a runtime of its own, which is dropped, with everything
//! that it was about to do, at a chosen write to the API server.

use std::{
    cmp::Ordering,
    ffi::OsStr,
    fs::OpenOptions,
    path::PathBuf,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    thread::JoinHandle,
};

use apio_operator::{
    cli::{Cli, Command, Run},
    run::{Cluster, Outside, operate},
};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use clap::Parser;
use futures::{FutureExt, future::BoxFuture};
use kube::{
    Config,
    client::ClientBuilder,
    config::{KubeConfigOptions, Kubeconfig},
};
use testkit::deployment::Operator;
use tokio::sync::{Notify, oneshot};
use tower::{Layer, Service};
use tracing_subscriber::EnvFilter;

/// Where the operator dies: before a write is carried out, or before it hears that it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
    /// It lives; this one write is refused.
    Refused,
}

/// Method and path of a write.
pub type Call = (String, String);

/// Sees every write to the API server, but for those of the lease, and ends the operator's talk with it at one of them.
#[derive(Clone, Default)]
pub struct Failpoint(Arc<State>);

#[derive(Default)]
struct State {
    seen: Mutex<Vec<Call>>,
    /// The number of the write, among those that are seen from now on.
    armed: Mutex<Option<(usize, Moment)>>,
    reached: Notify,
    /// Of which watches nothing is heard.
    silent: Mutex<Option<String>>,
}

impl Failpoint {
    /// The writes that were seen, from now on none.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.0.seen.lock().unwrap())
    }

    /// Forgets what it saw; at the write of this number, from 0 on, the operator hears nothing of the cluster any more.
    pub fn arm(&self, number: usize, moment: Moment) {
        self.take();
        *self.0.armed.lock().unwrap() = Some((number, moment));
    }

    /// Whatever is watched by requests to such a path from now on shows nothing any more.
    pub fn silence(&self, path: &str) {
        *self.0.silent.lock().unwrap() = Some(path.to_owned());
    }

    fn is_silent(&self, uri: &Uri) -> bool {
        let is_watch = uri.query().is_some_and(|query| query.contains("watch=true"));
        is_watch && self.0.silent.lock().unwrap().as_ref().is_some_and(|path| uri.path().ends_with(path))
    }

    /// Waits until that write is there: sent and carried out, or not sent.
    pub async fn reached(&self) {
        self.0.reached.notified().await;
    }

    fn disarm(&self) {
        *self.0.armed.lock().unwrap() = None;
    }

    /// The moment of death, if this write is the one.
    fn meets(&self, method: &Method, path: &str) -> Option<Moment> {
        if *method == Method::GET || path.contains("/leases") {
            return None;
        }
        let mut seen = self.0.seen.lock().unwrap();
        seen.push((method.to_string(), path.to_owned()));
        let mut armed = self.0.armed.lock().unwrap();
        let (number, moment) = (*armed)?;
        match (seen.len() - 1).cmp(&number) {
            Ordering::Less => None,
            Ordering::Equal if moment == Moment::Refused => armed.take().map(|(_, moment)| moment),
            Ordering::Equal => Some(moment),
            // What would follow until it is dropped.
            Ordering::Greater => Some(Moment::Before),
        }
    }

    async fn hangs<T>(&self) -> T {
        self.0.reached.notify_one();
        std::future::pending().await
    }
}

impl<S> Layer<S> for Failpoint {
    type Service = Failing<S>;

    fn layer(&self, inner: S) -> Failing<S> {
        Failing { inner, failpoint: self.clone() }
    }
}

/// A client with a failpoint in it.
#[derive(Clone)]
pub struct Failing<S> {
    inner: S,
    failpoint: Failpoint,
}

impl<S, B, R> Service<Request<B>> for Failing<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: Send,
    R: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let failpoint = self.failpoint.clone();
        if failpoint.is_silent(request.uri()) {
            return async { std::future::pending().await }.boxed();
        }
        match failpoint.meets(request.method(), request.uri().path()) {
            None => self.inner.call(request).boxed(),
            Some(Moment::Refused) => {
                // In the name of somebody who may do nothing.
                request.headers_mut().insert("impersonate-user", HeaderValue::from_static("nobody"));
                let answer = self.inner.call(request);
                async move {
                    let answer = answer.await;
                    assert!(answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::FORBIDDEN));
                    failpoint.0.reached.notify_one();
                    answer
                }
                .boxed()
            }
            Some(Moment::Before) => async move { failpoint.hangs().await }.boxed(),
            Some(Moment::After) => {
                let answer = self.inner.call(request);
                async move {
                    let status = answer.await.map(|answer| answer.status());
                    assert!(status.is_ok_and(|status| status.is_success()), "a write that was not carried out");
                    failpoint.hangs().await
                }
                .boxed()
            }
        }
    }
}

/// An operator that runs in this process, as its command line says.
pub struct InProcess {
    flags: Run,
    kubeconfig: PathBuf,
    log: PathBuf,
    pub failpoint: Failpoint,
    running: Mutex<Option<Running>>,
}

struct Running {
    end: oneshot::Sender<End>,
    thread: JoinHandle<()>,
}

enum End {
    /// Running passes finish.
    Stop,
    /// Nothing finishes.
    Die,
}

impl InProcess {
    /// Like the process, which must not run any more.
    pub fn like(process: &Operator) -> Self {
        assert_eq!(process.pid(), None);
        let command = process.command();
        let Command::Run(flags) =
            Cli::parse_from([command.get_program()].into_iter().chain(command.get_args())).command
        else {
            panic!("{command:?} runs no operator")
        };
        let kubeconfig = command.get_envs().find(|(name, _)| *name == OsStr::new("KUBECONFIG"));
        let kubeconfig = kubeconfig.and_then(|(_, path)| path).unwrap().into();
        let (flags, log) = (*flags, process.log_file().to_owned());
        Self { flags, kubeconfig, log, failpoint: Failpoint::default(), running: Mutex::default() }
    }

    pub fn start(&self) {
        let (end, ending) = oneshot::channel();
        let (flags, kubeconfig) = (self.flags.clone(), self.kubeconfig.clone());
        let (log, failpoint) = (self.log.clone(), self.failpoint.clone());
        let thread = std::thread::spawn(move || {
            let file = OpenOptions::new().create(true).append(true).open(log).unwrap();
            let subscriber = tracing_subscriber::fmt()
                .with_env_filter(EnvFilter::new(&flags.log))
                .with_ansi(false)
                .with_writer(Mutex::new(file))
                .finish();
            let _log = tracing::subscriber::set_default(subscriber);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(life(flags, cluster(kubeconfig, failpoint), ending));
            runtime.shutdown_background();
        });
        *self.running.lock().unwrap() = Some(Running { end, thread });
    }

    /// Has it finish what it is doing and end.
    pub fn stop(&self) {
        self.end(End::Stop);
    }

    /// Ends it at once, wherever it is; it hears of the cluster again when it is started again.
    pub fn kill(&self) {
        self.end(End::Die);
        self.failpoint.disarm();
    }

    fn end(&self, how: End) {
        let Running { end, thread } = self.running.lock().unwrap().take().unwrap();
        // It fails only when the thread has ended by itself; joining it says why.
        let _ = end.send(how);
        thread.join().unwrap();
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        if let Some(Running { end, .. }) = self.running.lock().unwrap().take() {
            let _ = end.send(End::Die);
        }
    }
}

/// Lives until it is told to end; one that ends by itself is a failure.
async fn life(flags: Run, cluster: impl Future<Output = Result<Cluster, String>>, end: oneshot::Receiver<End>) {
    let (stop, stopped) = oneshot::channel();
    let mut operator = std::pin::pin!(operate(flags, cluster, stopped.map(drop), Outside::default()));
    tokio::select! {
        biased;
        how = end => {
            if let Ok(End::Stop) = how {
                let _ = stop.send(());
                operator.await.unwrap();
            }
        }
        ended = &mut operator => panic!("it ended by itself: {ended:?}"),
    }
}

async fn cluster(kubeconfig: PathBuf, failpoint: Failpoint) -> Result<Cluster, String> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let url = config.cluster_url.to_string();
    Ok(Cluster { client: ClientBuilder::try_from(config).unwrap().with_layer(&failpoint).build(), url })
}
