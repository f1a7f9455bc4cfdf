//! Bytes of the stream in, messages and control frames out.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::{
    close::CloseFrame,
    error::ProtocolError,
    frame::OpCode,
    header::{Parsed, ReceivedHead},
    mask::unmask,
    negotiation::Agreement,
    partial::{Partial, Rules},
    utf8,
};

/// What a decoder accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecoderConfig {
    /// The most bytes a message may have, all its fragments together.
    pub(crate) max_message_size: usize,
    /// What was agreed on about compression, if it was.
    pub(crate) deflate: Option<Agreement>,
}

/// Reads one client's side of a connection.
///
/// Between messages it owns nothing: complete frames are unmasked where they lie and lent from there. Only what is
/// cut off by the end of the input, or belongs to a fragmented message, is copied into a buffer, which is gone again
/// with the call after the one that completed the message. (Only what later messages may refer to stays, where that is agreed on.) All of
/// its state is in the value, so a driver may stop after any call.
#[derive(Debug)]
pub(crate) struct Decoder {
    max_message_size: usize,
    /// After a close frame or an error the rest of the stream means nothing (RFC 6455 §1.4, §7.1.7).
    ended: bool,
    deflate: Option<Agreement>,
    partial: Option<Box<Partial>>,
}

/// What a call has read.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    /// How many bytes of the input are done with, those of the event included.
    pub(crate) consumed: usize,
    /// `None` once the input is used up.
    pub(crate) event: Option<Event<'a>>,
}

/// What the client said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    Text(&'a str),
    /// Borrowed if it lay in the input in one piece, given away if it had to be assembled.
    Binary(Cow<'a, [u8]>),
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    Close(Option<CloseFrame<'a>>),
}

/// A frame that lies in the input in one piece and is a message, or a control frame, by itself.
struct WholeFrame {
    op: OpCode,
    mask: [u8; 4],
    start: usize,
    end: usize,
}

impl Decoder {
    pub(crate) fn new(config: DecoderConfig) -> Self {
        Self {
            max_message_size: config.max_message_size,
            ended: false,
            deflate: config.deflate,
            partial: None,
        }
    }

    /// What was agreed on about compression.
    pub(crate) fn agreement(&self) -> Option<Agreement> {
        self.deflate
    }

    /// Takes the next bytes of the stream, up to the end of the first message or control frame in them.
    ///
    /// Call it with what is left of the input until it has no event: that call takes the rest and frees the buffer of
    /// the last message. Bytes may be unmasked in place, so those consumed mean nothing any more.
    ///
    /// # Errors
    ///
    /// As soon as the bytes can't become a legal stream within the limits, however the rest goes on.
    pub(crate) fn next<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Step<'a>, ProtocolError> {
        self.release();
        if self.ended {
            return Ok(Step {
                consumed: input.len(),
                event: None,
            });
        }
        if self
            .partial
            .as_ref()
            .is_none_or(|partial| partial.is_between_messages())
            && let Some(frame) = self.whole_frame(input).map_err(|error| self.fail(error))?
        {
            return self.lend_in_place(&frame, input);
        }
        self.assemble(input)
    }

    /// Frees what the last event was lent from.
    fn release(&mut self) {
        if let Some(partial) = &mut self.partial {
            partial.release();
            if self.ended || partial.is_idle() {
                self.partial = None;
            }
        }
    }

    fn fail(&mut self, error: ProtocolError) -> ProtocolError {
        self.ended = true;
        error
    }

    /// The hot path: most messages are one frame, and most frames arrive in one piece.
    fn whole_frame(&self, input: &[u8]) -> Result<Option<WholeFrame>, ProtocolError> {
        let Parsed::Whole(head, start) = ReceivedHead::parse(input, self.deflate.is_some())? else {
            return Ok(None);
        };
        if head.op == OpCode::Continuation || !head.fin || head.compressed {
            return Ok(None);
        }
        if head.payload_len > self.max_message_size as u64 && !head.op.is_control() {
            return Err(ProtocolError::MessageTooBig);
        }
        if head.payload_len > (input.len() - start) as u64 {
            return Ok(None);
        }
        let end = start + head.payload_len as usize;
        Ok(Some(WholeFrame {
            op: head.op,
            mask: head.mask,
            start,
            end,
        }))
    }

    fn lend_in_place<'a>(
        &mut self,
        frame: &WholeFrame,
        input: &'a mut [u8],
    ) -> Result<Step<'a>, ProtocolError> {
        let payload = &mut input[frame.start..frame.end];
        unmask(payload, frame.mask);
        let event = Event::new(frame.op, payload).map_err(|error| self.fail(error))?;
        self.ended = frame.op == OpCode::Close;
        Ok(Step {
            consumed: frame.end,
            event: Some(event),
        })
    }

    fn assemble<'a>(&'a mut self, input: &mut [u8]) -> Result<Step<'a>, ProtocolError> {
        if input.is_empty() {
            return Ok(Step {
                consumed: 0,
                event: None,
            });
        }
        let partial = self.partial.get_or_insert_default();
        let absorbed = partial.absorb(
            input,
            Rules {
                max_message_size: self.max_message_size,
                deflate: self.deflate,
            },
        );
        // Known before the event is lent: a close frame ends the stream whether or not it is a legal one.
        self.ended = absorbed.is_err() || partial.is_closed();
        let consumed = absorbed?;
        Ok(Step {
            consumed,
            event: partial.lend()?,
        })
    }
}

impl<'a> Event<'a> {
    /// The event of this complete, unmasked payload. A continuation is none: what it ends has an opcode of its own.
    pub(super) fn new(op: OpCode, payload: &'a [u8]) -> Result<Self, ProtocolError> {
        Ok(match op {
            OpCode::Text => Self::Text(utf8::validate(payload)?),
            OpCode::Binary | OpCode::Continuation => Self::Binary(Cow::Borrowed(payload)),
            OpCode::Close => Self::Close(CloseFrame::parse(payload)?),
            OpCode::Ping => Self::Ping(payload),
            OpCode::Pong => Self::Pong(payload),
        })
    }
}
