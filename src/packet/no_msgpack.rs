//! What stands in the place of the msgpack parser where the feature is off: nothing that there can be.

use std::{borrow::Cow, marker::PhantomData};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeSeed};

use super::{Body, DecodeError, EncodeError, PacketType, Value, parser::Packet};
use crate::Protocol;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Codec {}

#[derive(Clone, Copy, Debug)]
enum Never {}

#[derive(Clone, Debug)]
pub(crate) struct Array {
    never: Never,
}

#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    never: Never,
    of: PhantomData<&'a [u8]>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) depth: usize,
    pub(crate) binaries: usize,
}

impl Limits {
    pub(crate) const NONE: Self = Self {
        depth: usize::MAX,
        binaries: usize::MAX,
    };
}

#[derive(Debug)]
pub(crate) struct Decoded<'a> {
    pub(crate) kind: PacketType,
    pub(crate) namespace: Cow<'a, str>,
    pub(crate) query: Option<Box<str>>,
    pub(crate) id: Option<u64>,
    never: Never,
}

impl Codec {
    pub(crate) fn decode<'a>(self, _: &'a Bytes, _: Protocol, _: Limits) -> Result<Decoded<'a>, DecodeError> {
        match self {}
    }

    pub(crate) fn decode_text(self, _: &str, _: Protocol, _: Limits) -> Result<Decoded<'_>, DecodeError> {
        match self {}
    }

    pub(crate) fn event<T: Serialize + ?Sized>(
        self,
        _: &mut Vec<u8>,
        _: &str,
        _: Option<u64>,
        _: &str,
        _: &T,
    ) -> Result<(), EncodeError> {
        match self {}
    }

    pub(crate) fn ack<T: Serialize + ?Sized>(
        self,
        _: &mut Vec<u8>,
        _: &str,
        _: u64,
        _: &T,
    ) -> Result<(), EncodeError> {
        match self {}
    }

    pub(crate) fn event_of_values(
        self,
        _: &mut Vec<u8>,
        _: &str,
        _: Option<u64>,
        _: &[Value],
    ) -> Result<(), EncodeError> {
        match self {}
    }

    pub(crate) fn control(self, _: &mut Vec<u8>, _: usize, _: Protocol, _: &Packet) -> bool {
        match self {}
    }
}

impl Array {
    pub(crate) fn elements(&self) -> Elements<'_> {
        match self.never {}
    }

    pub(crate) fn size(&self) -> usize {
        match self.never {}
    }
}

impl<'a> Elements<'a> {
    pub(crate) fn len(&self) -> usize {
        match self.never {}
    }

    pub(crate) fn take_name(&mut self) -> Option<Cow<'a, str>> {
        match self.never {}
    }

    pub(crate) fn read<S: DeserializeSeed<'a>>(&mut self, _: S) -> Result<S::Value, serde_json::Error> {
        match self.never {}
    }
}

impl Decoded<'_> {
    pub(crate) fn body(&self) -> Body<'_> {
        match self.never {}
    }

    pub(crate) fn auth(&self) -> &str {
        match self.never {}
    }
}
