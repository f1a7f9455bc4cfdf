//! msgpack, token by token, in the dialect of `notepack.io` 2.2.
//!
//! | bytes | JavaScript |
//! |---|---|
//! | `d4 00 xx` | `undefined` |
//! | `d7 00` and 8 bytes | a `Date`: signed milliseconds since 1970 |
//! | `c7`, `c8`, `c9` of type `00` | an `ArrayBuffer` |
//! | other extensions | an array of the type and the bytes |

use rmp::Marker;
use smallvec::SmallVec;

use crate::packet::depth::is_read_anew;

/// A value, or the beginning of one that holds others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    Undefined,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
    Binary(&'a [u8]),
    /// In milliseconds since 1970.
    Date(i64),
    Extension(i8, &'a [u8]),
    /// So many values follow.
    Array(usize),
    /// So many keys follow, each with its value.
    Map(usize),
}

/// Goes through msgpack from token to token. `None` from any of its methods: it is broken, or ends too early.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// What a value must not go beyond.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) depth: usize,
    pub(super) binaries: usize,
    /// Whether a key [may be read anew](is_read_anew).
    pub(super) anew: bool,
}

/// How a value breaks the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    Broken,
    TooDeep,
    TooManyBinaries,
}

/// An array or a map that has not been gone over to its end.
struct Open {
    /// How many values are still to come, without the one that is looked at.
    left: usize,
    is_map: bool,
}

impl Open {
    const fn at_key(&self) -> bool {
        self.is_map && self.left % 2 == 1
    }
}

impl Bounds {
    /// For what has been checked.
    pub(super) const NONE: Self = Self {
        depth: usize::MAX,
        binaries: usize::MAX,
        anew: true,
    };
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn token(&mut self) -> Option<Token<'a>> {
        let marker = Marker::from_u8(self.byte()?);
        Some(match marker {
            Marker::Null => Token::Nil,
            Marker::False => Token::Bool(false),
            Marker::True => Token::Bool(true),
            Marker::FixPos(number) => Token::Unsigned(number.into()),
            Marker::FixNeg(number) => Token::Signed(number.into()),
            Marker::U8 | Marker::U16 | Marker::U32 | Marker::U64 => Token::Unsigned(self.unsigned(marker)?),
            Marker::I8 | Marker::I16 | Marker::I32 | Marker::I64 => Token::Signed(self.signed(marker)?),
            Marker::F32 => Token::Float(f32::from_be_bytes(self.array()?).into()),
            Marker::F64 => Token::Float(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(length) => self.text(length.into())?,
            Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                self.length(marker).and_then(|length| self.text(length))?
            }
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let length = self.length(marker)?;
                Token::Binary(self.take(length)?)
            }
            Marker::FixArray(length) => self.holding(length.into(), 1, Token::Array)?,
            Marker::Array16 | Marker::Array32 => {
                let length = self.length(marker)?;
                self.holding(length, 1, Token::Array)?
            }
            Marker::FixMap(length) => self.holding(length.into(), 2, Token::Map)?,
            Marker::Map16 | Marker::Map32 => {
                let length = self.length(marker)?;
                self.holding(length, 2, Token::Map)?
            }
            _ => return self.extension(marker),
        })
    }

    /// Goes over a value with all that it holds.
    pub(super) fn skip(&mut self, bounds: Bounds) -> Result<(), Breach> {
        let mut open = SmallVec::<[Open; 32]>::new();
        let mut binaries = 0;
        loop {
            let holds = match self.token().ok_or(Breach::Broken)? {
                Token::Array(left) => Some(Open { left, is_map: false }),
                Token::Map(members) => Some(Open {
                    left: members * 2,
                    is_map: true,
                }),
                Token::Text(text)
                    if !bounds.anew && is_read_anew(text) && open.last().is_some_and(Open::at_key) =>
                {
                    return Err(Breach::TooDeep);
                }
                // An extension becomes bytes too, in an array with its type.
                Token::Binary(_) | Token::Extension(..) => {
                    binaries += 1;
                    None
                }
                _ => None,
            };
            if binaries > bounds.binaries {
                return Err(Breach::TooManyBinaries);
            }
            if let Some(holds) = holds {
                if open.len() >= bounds.depth {
                    return Err(Breach::TooDeep);
                }
                open.push(holds);
            }
            while open.last().is_some_and(|open| open.left == 0) {
                open.pop();
            }
            match open.last_mut() {
                Some(open) => open.left -= 1,
                None => return Ok(()),
            }
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn unsigned(&mut self, marker: Marker) -> Option<u64> {
        Some(match marker {
            Marker::U8 => self.byte()?.into(),
            Marker::U16 => u16::from_be_bytes(self.array()?).into(),
            Marker::U32 => u32::from_be_bytes(self.array()?).into(),
            _ => u64::from_be_bytes(self.array()?),
        })
    }

    fn signed(&mut self, marker: Marker) -> Option<i64> {
        Some(match marker {
            Marker::I8 => i8::from_be_bytes(self.array()?).into(),
            Marker::I16 => i16::from_be_bytes(self.array()?).into(),
            Marker::I32 => i32::from_be_bytes(self.array()?).into(),
            _ => i64::from_be_bytes(self.array()?),
        })
    }

    /// The length that follows the marker.
    fn length(&mut self, marker: Marker) -> Option<usize> {
        Some(match marker {
            Marker::Str8 | Marker::Bin8 | Marker::Ext8 => self.byte()?.into(),
            Marker::Str16 | Marker::Bin16 | Marker::Ext16 | Marker::Array16 | Marker::Map16 => {
                u16::from_be_bytes(self.array()?).into()
            }
            _ => usize::try_from(u32::from_be_bytes(self.array()?)).ok()?,
        })
    }

    fn text(&mut self, length: usize) -> Option<Token<'a>> {
        let text = simdutf8::basic::from_utf8(self.take(length)?).ok()?;
        Some(Token::Text(text))
    }

    /// Every value takes a byte at least, so a length that can't be true is found out before anybody believes it.
    fn holding(&self, length: usize, each: usize, token: fn(usize) -> Token<'a>) -> Option<Token<'a>> {
        let least = length.checked_mul(each)?;
        (least <= self.rest.len()).then(|| token(length))
    }

    fn extension(&mut self, marker: Marker) -> Option<Token<'a>> {
        let (length, variable) = match marker {
            Marker::FixExt1 => (1, false),
            Marker::FixExt2 => (2, false),
            Marker::FixExt4 => (4, false),
            Marker::FixExt8 => (8, false),
            Marker::FixExt16 => (16, false),
            Marker::Ext8 | Marker::Ext16 | Marker::Ext32 => (self.length(marker)?, true),
            // Never used: `c1`.
            _ => return None,
        };
        let kind = i8::from_be_bytes(self.array()?);
        let data = self.take(length)?;
        Some(match (kind, variable, length) {
            (0, true, _) => Token::Binary(data),
            (0, false, 1) => Token::Undefined,
            (0, false, 8) => Token::Date(i64::from_be_bytes(data.try_into().ok()?)),
            _ => Token::Extension(kind, data),
        })
    }
}
