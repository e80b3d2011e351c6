//! The TCP connections of the simulator, each of which can be cut at any moment: a client must survive that.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The handle of one connection, known to whoever answers a call on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Arc<Cut>);

#[derive(Debug, Default)]
struct Cut {
    done: AtomicBool,
    reader: Mutex<Option<Waker>>,
}

impl Line {
    /// Nothing more goes through: the peer sees the connection end, without an answer if one was due.
    pub(super) fn cut(&self) {
        self.0.done.store(true, Ordering::SeqCst);
        if let Some(waker) = self.0.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.0.done.load(Ordering::SeqCst)
    }

    /// Resolves when it is cut. One call at a time waits for that.
    pub(super) async fn ended(&self) {
        std::future::poll_fn(|context| {
            *self.0.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
            if self.is_cut() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn check(&self) -> io::Result<()> {
        if self.is_cut() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

/// All connections that are open.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<Vec<Weak<Cut>>>);

impl Lines {
    pub(super) fn cut_all(&self) {
        let lines = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        lines.iter().filter_map(Weak::upgrade).for_each(|cut| Line(cut).cut());
    }

    pub(super) fn add(&self, line: &Line) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|line| line.strong_count() > 0);
        lines.push(Arc::downgrade(&line.0));
    }
}

/// Accepts connections that can be cut.
pub(super) struct LineListener {
    pub(super) tcp: TcpListener,
    pub(super) lines: Arc<Lines>,
}

/// A connection that can be cut.
pub(super) struct Wire {
    tcp: TcpStream,
    line: Line,
}

impl Listener for LineListener {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        // axum's own listener retries what fails for a moment, such as too many open files.
        let (tcp, peer) = Listener::accept(&mut self.tcp).await;
        let line = Line::default();
        self.lines.add(&line);
        (Wire { tcp, line }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

impl Connected<IncomingStream<'_, LineListener>> for Line {
    fn connect_info(stream: IncomingStream<'_, LineListener>) -> Line {
        stream.io().line.clone()
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        *self.line.0.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        self.line.check()?;
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.line.check()?;
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
