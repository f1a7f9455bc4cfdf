//! Writing to a WebSocket whose task rests, without waking it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use smallvec::SmallVec;
use tokio::io::AsyncWrite;

use super::{halves::WriteHalf, scratch::WriteScratch, writer::Writer};
use crate::{
    Protocol,
    engine::{Outgoing, outbox::Outbox},
};

/// The writing half of a WebSocket's socket, lent by its driver for as long as that has nothing to write.
pub(in crate::engine) struct Direct(pub(super) WriteHalf);

impl Direct {
    /// Writes what is queued, if it is no more than one call takes. `false` if the driver has to see to what is left.
    ///
    /// It is called under the lock: `kept` gets what may be dropped only after that has been released.
    pub(in crate::engine) fn flush(
        &self,
        outbox: &mut Outbox,
        protocol: Protocol,
        kept: &mut SmallVec<[Outgoing; 1]>,
    ) -> bool {
        if !outbox.is_written_at_once() || outbox.has_begun() {
            return false;
        }
        if let Some(frame) = outbox.lone_frame() {
            // An error is the driver's to find.
            let (whole, written) = (frame.len(), self.0.try_write(frame).unwrap_or(0));
            return outbox.wrote(written, whole);
        }
        let mut scratch = WriteScratch::take();
        if outbox.gather(&mut scratch) {
            let written = self.0.try_write(&scratch).unwrap_or(0);
            return outbox.wrote(written, scratch.len());
        }
        *kept = outbox.attached();
        let mut writer = Writer::new();
        writer.fill(outbox);
        writer.start(protocol, false, None);
        let mut cx = Context::from_waker(Waker::noop());
        let flushed = writer.poll_flush(&mut NonBlocking(&self.0), protocol, &mut cx);
        let done = matches!(flushed, Poll::Ready(Ok(())));
        let (items, written) = writer.into_unwritten();
        outbox.put_back(items, written);
        done
    }
}

/// A socket that says pending where it would block, and wakes nobody later.
struct NonBlocking<'a>(&'a WriteHalf);

impl AsyncWrite for NonBlocking<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        pending_if_it_would_block(self.0.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        pending_if_it_would_block(self.0.try_write_vectored(slices))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn pending_if_it_would_block(written: io::Result<usize>) -> Poll<io::Result<usize>> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        written => Poll::Ready(written),
    }
}
