//! Writing packets. Every function clears the buffer.

use serde::Serialize;

use super::{
    Codec,
    read::{Reader, Token},
    serialize::Serializer,
    write,
};
use crate::{
    Protocol,
    packet::{
        EncodeError, Value,
        parser::{Packet, PacketType},
        shape::Shape,
    },
};

impl Codec {
    /// Writes an EVENT, the same for both generations. A tuple is several arguments, `()` is none, anything else is one.
    ///
    /// # Errors
    /// The arguments do not serialise. The buffer's contents are undefined then.
    pub(crate) fn event<T: Serialize + ?Sized>(
        self,
        buf: &mut Vec<u8>,
        namespace: &str,
        id: Option<u64>,
        name: &str,
        args: &T,
    ) -> Result<(), EncodeError> {
        let mut draft = Draft::new(buf, PacketType::Event, true, id);
        draft.array_after(Some(name), args)?;
        draft.finish(namespace);
        Ok(())
    }

    /// Writes an ACK, the same for both generations, its arguments told apart as those of an [`event`](Self::event).
    ///
    /// # Errors
    /// The arguments do not serialise. The buffer's contents are undefined then.
    pub(crate) fn ack<T: Serialize + ?Sized>(
        self,
        buf: &mut Vec<u8>,
        namespace: &str,
        id: u64,
        args: &T,
    ) -> Result<(), EncodeError> {
        let mut draft = Draft::new(buf, PacketType::Ack, true, Some(id));
        draft.array_after(None, args)?;
        draft.finish(namespace);
        Ok(())
    }

    /// Writes an EVENT from its name and arguments.
    ///
    /// # Errors
    /// As of [`event`](Self::event).
    pub(crate) fn event_of_values(
        self,
        buf: &mut Vec<u8>,
        namespace: &str,
        id: Option<u64>,
        values: &[Value],
    ) -> Result<(), EncodeError> {
        let draft = Draft::new(buf, PacketType::Event, true, id);
        values.serialize(Serializer(draft.buf))?;
        draft.finish(namespace);
        Ok(())
    }

    /// Writes a packet that is neither, which is JSON for clients 2.x; says whether it is a text. In front of a text there
    /// are `headroom` bytes.
    pub(crate) fn control(
        self,
        buf: &mut Vec<u8>,
        headroom: usize,
        protocol: Protocol,
        packet: &Packet,
    ) -> bool {
        let data = (packet.data != Value::Null).then_some(&packet.data);
        match protocol {
            Protocol::V3 => json(buf, headroom, packet, data),
            Protocol::V4 => {
                let draft = Draft::new(buf, packet.kind, data.is_some(), None);
                if let Some(data) = data {
                    let written = data.serialize(Serializer(draft.buf));
                    written.expect("invariant: values serialise");
                }
                draft.finish(&packet.namespace);
            }
        }
        protocol == Protocol::V3
    }
}

fn json(buf: &mut Vec<u8>, headroom: usize, packet: &Packet, data: Option<&Value>) {
    #[derive(Serialize)]
    struct Text<'a> {
        r#type: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a Value>,
        nsp: &'a str,
    }
    let text = Text {
        r#type: packet.kind.into(),
        data,
        nsp: &packet.namespace,
    };
    buf.clear();
    buf.resize(headroom, 0);
    serde_json::to_writer(buf, &text).expect("invariant: values serialise");
}

/// A packet being written: its map up to the data.
struct Draft<'a> {
    buf: &'a mut Vec<u8>,
}

impl<'a> Draft<'a> {
    fn new(buf: &'a mut Vec<u8>, kind: PacketType, data: bool, id: Option<u64>) -> Self {
        buf.clear();
        write::map(buf, 2 + u32::from(data) + u32::from(id.is_some()));
        write::text(buf, "type");
        write::unsigned(buf, u8::from(kind).into());
        if let Some(id) = id {
            write::text(buf, "id");
            write::unsigned(buf, id);
        }
        if data {
            write::text(buf, "data");
        }
        Self { buf }
    }

    /// The name, if there is one, and the arguments as one array.
    fn array_after<T: Serialize + ?Sized>(
        &mut self,
        name: Option<&str>,
        args: &T,
    ) -> Result<(), EncodeError> {
        match Shape::of::<T>() {
            Shape::None => self.head(0, name),
            Shape::One => {
                self.head(1, name);
                args.serialize(Serializer(self.buf))?;
            }
            Shape::Several => {
                let start = self.buf.len();
                args.serialize(Serializer(self.buf))?;
                self.put_name_into(start, name)?;
            }
        }
        Ok(())
    }

    fn head(&mut self, args: u32, name: Option<&str>) {
        write::array(self.buf, args + u32::from(name.is_some()));
        if let Some(name) = name {
            write::text(self.buf, name);
        }
    }

    /// A tuple's own form is an array. Its head is replaced by one for the name too.
    fn put_name_into(&mut self, start: usize, name: Option<&str>) -> Result<(), EncodeError> {
        let mut reader = Reader::new(&self.buf[start..]);
        let Some(Token::Array(args)) = reader.token() else {
            return Err(EncodeError::of("not a list of arguments"));
        };
        let end = self.buf.len() - reader.rest().len();
        let args = u32::try_from(args).map_err(|_| EncodeError::of("too many arguments"))?;
        let mut head = Vec::new();
        Draft { buf: &mut head }.head(args, name);
        self.buf.splice(start..end, head);
        Ok(())
    }

    fn finish(self, namespace: &str) {
        write::text(self.buf, "nsp");
        write::text(self.buf, namespace);
    }
}
