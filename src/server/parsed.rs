//! The messages of clients whose parser isn't the JSON one.

use std::{
    error::Error,
    sync::{Arc, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;

use crate::{
    engine::{CloseReason, Limit, Receiver},
    foreign,
    packet::{
        DecodeError, PacketType, Value,
        msgpack::{Codec, Decoded, Limits},
        parser::{self, Decoder, Kind, Message},
    },
    server::client::ClientInner,
    sync::Mutex,
};

/// Reads messages with its parser, and hands the packets to the client.
///
/// In front of the client instead of in it, so that clients of the JSON parser pay nothing for that there are others.
pub(super) struct Parsed<P> {
    client: Arc<ClientInner>,
    parser: P,
}

/// A parser at the receiving end of one connection.
trait Parse: Send + Sync + 'static {
    fn parse(&self, client: &ClientInner, message: Message<'_>);
}

impl Parsed<()> {
    /// A receiver for the client with this parser.
    pub(super) fn receiver(client: Arc<ClientInner>, parser: &Kind) -> Arc<dyn Receiver> {
        let protocol = client.connection().protocol();
        match parser {
            Kind::Json => client,
            Kind::Msgpack(codec) => Arc::new(Parsed {
                client,
                parser: *codec,
            }),
            Kind::Custom(parser) => {
                let made = foreign::call(|| parser.decoder(protocol));
                let decoder = made.unwrap_or_else(|error| {
                    crate::log::error!(%error, "a parser panicked over a new connection");
                    client.connection().close();
                    Box::new(Broken)
                });
                let parser = Custom(Mutex::new(decoder));
                Arc::new(Parsed { client, parser })
            }
        }
    }
}

impl<P: Parse> Receiver for Parsed<P> {
    fn on_text(&self, text: &str) {
        self.parser.parse(&self.client, Message::Text(text));
        self.client.keep_pace();
    }

    fn on_binary(&self, data: Bytes) {
        self.parser.parse(&self.client, Message::Binary(data));
        self.client.keep_pace();
    }

    fn on_close(&self, reason: CloseReason) {
        self.client.on_close(reason);
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.client.poll_ready(cx)
    }
}

impl Parse for Codec {
    fn parse(&self, client: &ClientInner, message: Message<'_>) {
        let protocol = client.connection().protocol();
        let limits = client.limits();
        match message {
            Message::Text(text) => hear_msgpack(client, self.decode_text(text, protocol, limits)),
            Message::Binary(data) => hear_msgpack(client, self.decode(&data, protocol, limits)),
        }
    }
}

fn hear_msgpack(client: &ClientInner, packet: Result<Decoded<'_>, DecodeError>) {
    match packet {
        Ok(packet) if packet.kind == PacketType::Connect => {
            client
                .client()
                .connect(&packet.namespace, packet.query.as_deref(), packet.auth());
        }
        Ok(packet) => client.hear(&packet.namespace, packet.kind, packet.id, packet.body()),
        Err(error) => client.refuse_packet(error),
    }
}

/// The decoder of a parser of the user's own.
struct Custom(Mutex<Box<dyn Decoder>>);

impl Parse for Custom {
    fn parse(&self, client: &ClientInner, message: Message<'_>) {
        let mut decoder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let parsed = foreign::call(|| {
            // The error is the user's too, so it is gone when this is over.
            decoder.add(message).map_err(foreign::text)
        });
        // Handlers must not run under the guard.
        drop(decoder);
        let mut packet = match parsed {
            Ok(Ok(Some(packet))) => packet,
            Ok(Ok(None)) => return,
            Ok(Err(error)) => return client.client().fail_unread(&error),
            Err(panicked) => return client.client().fail_unread(&panicked.to_string()),
        };
        keep_bytes(&mut packet.data, client.limits().depth);
        match parser::judge(&packet, client.connection().protocol(), client.limits()) {
            Ok(judged) if judged.kind == PacketType::Connect => {
                let auth = judged.auth();
                client.client().connect(judged.namespace, judged.query, &auth);
            }
            Ok(judged) => client.hear(judged.namespace, judged.kind, judged.id, judged.body()),
            Err(error) => client.refuse_packet(error),
        }
    }
}

impl Drop for Custom {
    fn drop(&mut self) {
        let decoder = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        foreign::dispose(std::mem::replace(decoder, Box::new(Broken)));
    }
}

/// Bytes in there may be kept, and are dropped by whoever keeps them last. What is deeper is about to be refused.
fn keep_bytes(value: &mut Value, depth: usize) {
    let below = depth.checked_sub(1);
    match (value, below) {
        (Value::Binary(bytes), _) => *bytes = foreign::bytes(std::mem::take(bytes)),
        (Value::Array(values), Some(depth)) => values.iter_mut().for_each(|value| keep_bytes(value, depth)),
        (Value::Object(members), Some(depth)) => {
            members.values_mut().for_each(|value| keep_bytes(value, depth));
        }
        _ => {}
    }
}

/// Stands for a decoder that could not be made.
struct Broken;

impl Decoder for Broken {
    fn add(&mut self, _: Message<'_>) -> Result<Option<parser::Packet>, Box<dyn Error + Send + Sync>> {
        Err("there is no decoder".into())
    }
}

impl ClientInner {
    fn limits(&self) -> Limits {
        let client = self.client();
        let settings = client.io().settings();
        Limits {
            depth: settings.max_json_depth,
            binaries: settings.max_attachments,
        }
    }

    /// The packet is ignored, or the connection ends.
    fn refuse_packet(&self, error: DecodeError) {
        if error.is_ignorable() {
            return crate::log::debug!(%error, "a packet was ignored");
        }
        let limits = self.limits();
        if error.is_out_of_state() {
            return self.client().refuse(&error.to_string());
        }
        if error.is_nested_too_deeply() {
            self.connection()
                .limit_exceeded(Limit::JsonDepth, limits.depth, None);
        }
        if error.is_too_many_attachments() {
            self.connection()
                .limit_exceeded(Limit::Attachments, limits.binaries, None);
        }
        self.client().fail(error);
    }
}
