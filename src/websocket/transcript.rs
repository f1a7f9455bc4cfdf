//! What a decoder says of a stream that arrives in given pieces, for tests and fuzzing.

use super::{CloseCode, CloseFrame, Decoder, DecoderConfig, Event, OpCode, ProtocolError};

/// Everything said, as opcodes and payloads, and the error it ended with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transcript {
    pub(crate) said: Vec<(u8, Vec<u8>)>,
    pub(crate) failed: Option<ProtocolError>,
}

impl Transcript {
    /// Lets a decoder read the pieces, in the way a driver does.
    pub(crate) fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, max_message_size: usize) -> Self {
        Self::with(
            pieces,
            DecoderConfig {
                max_message_size,
                deflate: None,
            },
        )
    }

    /// The same with what was agreed on about compression.
    pub(crate) fn with<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, config: DecoderConfig) -> Self {
        let mut decoder = Decoder::new(config);
        let mut transcript = Self::default();
        for piece in pieces {
            if let Err(error) = transcript.read(&mut decoder, &mut piece.to_vec()) {
                transcript.failed = Some(error);
                break;
            }
        }
        transcript
    }

    /// The code to close with for the error.
    pub(crate) fn code(&self) -> Option<CloseCode> {
        self.failed.map(ProtocolError::code)
    }

    fn read(&mut self, decoder: &mut Decoder, mut input: &mut [u8]) -> Result<(), ProtocolError> {
        loop {
            let step = decoder.next(input)?;
            let consumed = step.consumed;
            let Some(event) = step.event else {
                assert_eq!(consumed, input.len(), "without an event all the input is taken");
                return Ok(());
            };
            self.said.push(spell(&event));
            input = &mut input[consumed..];
        }
    }
}

fn spell(event: &Event<'_>) -> (u8, Vec<u8>) {
    match event {
        Event::Text(text) => (OpCode::Text as u8, text.as_bytes().to_vec()),
        Event::Binary(bytes) => (OpCode::Binary as u8, bytes.to_vec()),
        Event::Ping(payload) => (OpCode::Ping as u8, payload.to_vec()),
        Event::Pong(payload) => (OpCode::Pong as u8, payload.to_vec()),
        Event::Close(frame) => (
            OpCode::Close as u8,
            frame.as_ref().map(spell_close).unwrap_or_default(),
        ),
    }
}

fn spell_close(frame: &CloseFrame<'_>) -> Vec<u8> {
    [&frame.code.get().to_be_bytes(), frame.reason.as_bytes()].concat()
}
