//! A socket whose buffer, peer and timing are the model's.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::sync::{Mutex, MutexGuard};

/// Both ends of it.
#[derive(Clone)]
pub(in crate::engine) struct Wire(Arc<Mutex<State>>);

struct State {
    /// What the peer has said and nobody has read.
    said: VecDeque<u8>,
    /// What has been written.
    written: Vec<u8>,
    /// How much may be written before it would block.
    room: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Who waits for so many bytes to have been written.
    awaited: Option<(usize, Waker)>,
}

/// What tokio's `OwnedReadHalf` is to a socket.
pub(in crate::engine) struct ReadHalf(Wire);

/// What tokio's `OwnedWriteHalf` is to a socket.
pub(in crate::engine) struct WriteHalf(Wire);

impl Wire {
    /// A connection that takes whatever is written.
    pub(in crate::engine) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            said: VecDeque::new(),
            written: Vec::new(),
            room: usize::MAX,
            reader: None,
            writer: None,
            awaited: None,
        })))
    }

    pub(in crate::engine) fn halves(&self) -> (ReadHalf, WriteHalf) {
        (ReadHalf(self.clone()), WriteHalf(self.clone()))
    }

    /// The peer says something.
    pub(in crate::engine) fn say(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.said.extend(bytes);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }

    /// The peer reads, so that everything fits from now on.
    pub(in crate::engine) fn drain(&self) {
        let mut state = self.state();
        state.room = usize::MAX;
        let writer = state.writer.take();
        drop(state);
        wake(writer);
    }

    /// Forgets what has been written, and takes so many bytes before it blocks.
    pub(in crate::engine) fn restart(&self, room: usize) {
        let mut state = self.state();
        state.written.clear();
        state.room = room;
    }

    /// Ready when so many bytes have been written.
    pub(in crate::engine) fn poll_written(&self, length: usize, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.written.len() >= length {
            return Poll::Ready(());
        }
        state.awaited = Some((length, cx.waker().clone()));
        Poll::Pending
    }

    pub(in crate::engine) fn written(&self) -> usize {
        self.state().written.len()
    }

    /// The frames that have been written, whole: opcode and payload. The server's frames aren't masked, and these are all short.
    pub(in crate::engine) fn frames(&self) -> Vec<(u8, String)> {
        let state = self.state();
        let (mut rest, mut frames) = (&state.written[..], Vec::new());
        while let [head, length, after @ ..] = rest {
            assert!(*length < 126, "a frame was cut: {:?}", state.written);
            let (payload, after) = after.split_at(usize::from(*length));
            frames.push((head & 0x0f, String::from_utf8(payload.to_vec()).unwrap()));
            rest = after;
        }
        frames
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As much as fits, and an error if nothing does.
    fn write(&self, bytes: &[u8], cx: Option<&Context<'_>>) -> io::Result<usize> {
        let mut state = self.state();
        let length = bytes.len().min(state.room);
        if length == 0 {
            state.writer = cx.map(|cx| cx.waker().clone()).or(state.writer.take());
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.room -= length;
        state.written.extend_from_slice(&bytes[..length]);
        let written = state.written.len();
        let awaited = state.awaited.take_if(|(length, _)| written >= *length);
        drop(state);
        wake(awaited.map(|(_, waker)| waker));
        Ok(length)
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl WriteHalf {
    pub(in crate::engine) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes, None)
    }

    pub(in crate::engine) fn try_write_vectored(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.try_write(slices.first().map_or(&[], |slice| &**slice))
    }
}

impl AsyncRead for ReadHalf {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.state();
        if state.said.is_empty() {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let said: Vec<u8> = state.said.drain(..).collect();
        buf.put_slice(&said);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.0.write(bytes, Some(cx)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
