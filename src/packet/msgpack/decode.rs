//! Taking packets apart. Each generation is judged as its npm parser judges, but for `nil`, which stands for no data where that is
//! allowed: clients in other languages have no `undefined`.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;

use super::{
    Array, Codec,
    deserialize::Deserializer,
    read::{Bounds, Breach, Reader, Token},
};
use crate::{
    Protocol,
    packet::{
        Body, PacketType, Value,
        carried::{self, Carried},
        decode::split_query,
        depth::is_nested_deeper,
        error::{DecodeError, MsgpackReason, Reason},
        json::{Element, Scanner},
    },
};

/// What a packet must not go beyond.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How deeply arrays and maps may stand in one another within the packet.
    pub(crate) depth: usize,
    /// How many values may be bytes.
    pub(crate) binaries: usize,
}

impl Limits {
    /// For what this server has written.
    pub(crate) const NONE: Self = Self {
        depth: usize::MAX,
        binaries: usize::MAX,
    };
}

/// A packet taken apart.
#[derive(Debug)]
pub(crate) struct Decoded<'a> {
    pub(crate) kind: PacketType,
    pub(crate) namespace: Cow<'a, str>,
    /// Engine.IO 3: what follows `?` in the namespace.
    pub(crate) query: Option<Box<str>>,
    pub(crate) id: Option<u64>,
    data: Data<'a>,
}

#[derive(Debug)]
enum Data<'a> {
    /// As JSON.
    Auth(Option<Box<str>>),
    Array(Array),
    Json(&'a str),
}

impl Decoded<'_> {
    /// What an event or an acknowledgement carries.
    pub(crate) fn body(&self) -> Body<'_> {
        match &self.data {
            Data::Array(array) => Body::Msgpack(array),
            Data::Json(payload) => Body::Json {
                payload,
                attachments: &[],
            },
            Data::Auth(_) => Body::Values(&[]),
        }
    }

    /// The auth payload of a CONNECT, as JSON; empty without one.
    pub(crate) fn auth(&self) -> &str {
        match &self.data {
            Data::Auth(auth) => auth.as_deref().unwrap_or_default(),
            Data::Array(_) | Data::Json(_) => "",
        }
    }
}

impl Codec {
    /// Takes a binary message apart.
    ///
    /// # Errors
    /// The packet must close the connection, unless the error [is ignorable](DecodeError::is_ignorable).
    pub(crate) fn decode<'a>(
        self,
        message: &'a Bytes,
        protocol: Protocol,
        limits: Limits,
    ) -> Result<Decoded<'a>, DecodeError> {
        let fields = Fields::read(message, limits)?;
        let kind = packet_type(fields.kind, protocol)?;
        let Some(Token::Text(namespace)) = fields.namespace else {
            return Err(fatal(MsgpackReason::InvalidNamespace));
        };
        let (id, data) = (packet_id(fields.id)?, fields.data.unwrap_or_default());
        carried::check(kind, carried_by(data), protocol)?;
        let (namespace, query) = split_query(namespace, protocol);
        Ok(Decoded {
            kind,
            namespace: namespace.into(),
            query: query.map(Into::into),
            id,
            data: read_data(kind, data, message)?,
        })
    }

    /// Takes a text message apart: what the parser of 2.x clients writes for CONNECT, and reads for any packet.
    ///
    /// # Errors
    /// As of [`decode`](Self::decode); all texts from clients of Engine.IO 4.
    pub(crate) fn decode_text(
        self,
        text: &str,
        protocol: Protocol,
        limits: Limits,
    ) -> Result<Decoded<'_>, DecodeError> {
        if protocol == Protocol::V4 {
            return Err(fatal(MsgpackReason::InvalidType));
        }
        if is_nested_deeper(text, limits.depth.saturating_add(1)) {
            return Err(DecodeError::nested_too_deeply());
        }
        let members = Members::read(text).ok_or(DecodeError::fatal(Reason::InvalidPayload))?;
        let kind = packet_type(Some(Token::Unsigned(members.kind.into())), protocol)?;
        carried::check(kind, Carried::by_json(members.data), protocol)?;
        let (namespace, query) = split_query(&members.namespace, protocol);
        let query = query.map(Into::into);
        Ok(Decoded {
            kind,
            namespace: match query {
                None => members.namespace,
                Some(_) => namespace.to_owned().into(),
            },
            query,
            id: members.id,
            data: Data::Json(members.data),
        })
    }
}

/// The members of a packet that is JSON. Of those that stand twice the last counts, as in JavaScript.
struct Members<'a> {
    kind: u8,
    namespace: Cow<'a, str>,
    id: Option<u64>,
    /// Empty without any.
    data: &'a str,
}

impl<'a> Members<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (mut kind, mut namespace, mut id, mut data) = (None, None, None, None);
        Scanner::new(text).object(|key, value| match string(key).as_deref() {
            Some("type") => kind = Some(value),
            Some("nsp") => namespace = Some(value),
            Some("id") => id = Some(value),
            Some("data") => data = Some(value),
            _ => {}
        })?;
        Some(Self {
            kind: serde_json::from_str(kind?.json).ok()?,
            namespace: string(namespace?)?,
            id: serde_json::from_str(id.unwrap_or(Element::NULL).json).ok()?,
            data: data.map_or("", |data| data.json),
        })
    }
}

fn string(element: Element<'_>) -> Option<Cow<'_, str>> {
    match element.plain() {
        Some(text) => Some(text.into()),
        None => serde_json::from_str::<String>(element.json).ok().map(Into::into),
    }
}

/// The members of a packet that mean something. Of those that stand twice the last counts, as in JavaScript.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<Token<'a>>,
    namespace: Option<Token<'a>>,
    id: Option<Token<'a>>,
    /// The whole value.
    data: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn read(message: &'a [u8], limits: Limits) -> Result<Self, DecodeError> {
        let bounds = Bounds {
            depth: limits.depth,
            binaries: limits.binaries,
            anew: false,
        };
        let mut reader = Reader::new(message);
        let members = match reader.token() {
            Some(Token::Map(members)) => members,
            Some(_) => return Err(fatal(MsgpackReason::InvalidType)),
            None => return Err(refusal(Breach::Broken)),
        };
        let mut fields = Self::default();
        for _ in 0..members {
            let key = reader.token().ok_or_else(|| refusal(Breach::Broken))?;
            let value = reader.rest();
            reader.skip(bounds).map_err(refusal)?;
            let token = Reader::new(value).token();
            match key {
                Token::Text("type") => fields.kind = token,
                Token::Text("nsp") => fields.namespace = token,
                Token::Text("id") => fields.id = token,
                Token::Text("data") => fields.data = Some(&value[..value.len() - reader.rest().len()]),
                // Clients send `options`, which are for themselves. A key that holds others is no key.
                Token::Array(_) | Token::Map(_) => return Err(refusal(Breach::Broken)),
                _ => {}
            }
        }
        match reader.rest().len() {
            0 => Ok(fields),
            _ => Err(fatal(MsgpackReason::TrailingBytes)),
        }
    }
}

const fn fatal(reason: MsgpackReason) -> DecodeError {
    DecodeError::fatal(Reason::Msgpack(reason))
}

fn refusal(breach: Breach) -> DecodeError {
    match breach {
        Breach::Broken => fatal(MsgpackReason::Broken),
        Breach::TooDeep => DecodeError::nested_too_deeply(),
        Breach::TooManyBinaries => DecodeError::fatal(Reason::TooManyAttachments),
    }
}

/// Only clients 2.x tell events that hold bytes from those that don't.
fn packet_type(token: Option<Token<'_>>, protocol: Protocol) -> Result<PacketType, DecodeError> {
    let kind = token.and_then(integer).and_then(|number| match number {
        0 => Some(PacketType::Connect),
        1 => Some(PacketType::Disconnect),
        2 => Some(PacketType::Event),
        3 => Some(PacketType::Ack),
        4 => Some(PacketType::ConnectError),
        5 if protocol == Protocol::V3 => Some(PacketType::Event),
        6 if protocol == Protocol::V3 => Some(PacketType::Ack),
        _ => None,
    });
    kind.ok_or(fatal(MsgpackReason::InvalidType))
}

fn packet_id(token: Option<Token<'_>>) -> Result<Option<u64>, DecodeError> {
    match token {
        None | Some(Token::Nil | Token::Undefined) => Ok(None),
        Some(token) => match integer(token) {
            Some(id) => Ok(Some(id)),
            None => Err(DecodeError::fatal(Reason::InvalidId)),
        },
    }
}

/// A number without a fraction is an integer in JavaScript, however it is written.
fn integer(token: Token<'_>) -> Option<u64> {
    match token {
        Token::Unsigned(number) => Some(number),
        Token::Signed(number) => number.try_into().ok(),
        // As text: there is no conversion that fails.
        Token::Float(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn carried_by(data: &[u8]) -> Carried {
    match Reader::new(data).token() {
        None | Some(Token::Undefined | Token::Nil) => Carried::Nothing,
        Some(Token::Map(_)) => Carried::Object,
        Some(Token::Array(_)) => Carried::Array,
        Some(Token::Text(_)) => Carried::Text,
        Some(_) => Carried::Other,
    }
}

fn read_data(kind: PacketType, data: &[u8], message: &Bytes) -> Result<Data<'static>, DecodeError> {
    let mut reader = Reader::new(data);
    match (kind, reader.token()) {
        (PacketType::Event | PacketType::Ack, Some(Token::Array(len))) => {
            Ok(Data::Array(Array::new(message, reader.rest(), len)))
        }
        (PacketType::Connect, Some(Token::Map(_))) => auth(data)
            .map(|json| Data::Auth(Some(json.into())))
            .map_err(|_| DecodeError::fatal(Reason::InvalidPayload)),
        _ => Ok(Data::Auth(None)),
    }
}

fn auth(data: &[u8]) -> Result<String, serde_json::Error> {
    let value = Value::deserialize(&mut Deserializer::new(data))?;
    serde_json::to_string(&value)
}
