//! The grammar of JSON (RFC 8259), followed without keeping anything.

use smallvec::SmallVec;

use super::plain::plain_len;

/// A value where it lies.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::packet) struct Element<'a> {
    pub(in crate::packet) json: &'a str,
    /// A string without escapes.
    is_plain: bool,
}

impl<'a> Element<'a> {
    pub(in crate::packet) const NULL: Self = Self {
        json: "null",
        is_plain: false,
    };

    /// What is between the quotation marks of a string without escapes, if it is one.
    pub(in crate::packet) fn plain(&self) -> Option<&'a str> {
        self.is_plain.then(|| &self.json[1..self.json.len() - 1])
    }
}

/// Goes through JSON text from value to value. `None` from any of its methods: this is not JSON.
pub(in crate::packet) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// The arrays and objects that are open, a bit each: 128 of them without an allocation.
#[derive(Default)]
struct Nest {
    bits: SmallVec<[u64; 2]>,
    depth: usize,
}

impl<'a> Scanner<'a> {
    pub(in crate::packet) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Goes through an array, handing out the text of each of its elements, to the end of the text.
    pub(in crate::packet) fn array(mut self, mut each: impl FnMut(Element<'a>)) -> Option<()> {
        self.space();
        self.expect(b'[')?;
        self.space();
        if self.peek()? == b']' {
            self.at += 1;
            return self.end();
        }
        loop {
            each(self.value()?);
            self.space();
            match self.next()? {
                b',' => self.space(),
                b']' => return self.end(),
                _ => return None,
            }
        }
    }

    /// Goes through an object, handing out the text of each of its keys and values, to the end of the text.
    #[cfg_attr(not(feature = "msgpack"), expect(dead_code, reason = "msgpack's"))]
    pub(in crate::packet) fn object(mut self, mut each: impl FnMut(Element<'a>, Element<'a>)) -> Option<()> {
        self.space();
        self.expect(b'{')?;
        self.space();
        if self.peek()? == b'}' {
            self.at += 1;
            return self.end();
        }
        loop {
            let start = self.at;
            let is_plain = self.string()?;
            let json = &self.text[start..self.at];
            self.colon()?;
            each(Element { json, is_plain }, self.value()?);
            self.space();
            match self.next()? {
                b',' => self.space(),
                b'}' => return self.end(),
                _ => return None,
            }
        }
    }

    fn end(&mut self) -> Option<()> {
        self.space();
        (self.at == self.text.len()).then_some(())
    }

    /// The value that begins here.
    fn value(&mut self) -> Option<Element<'a>> {
        let start = self.at;
        let is_plain = match self.peek()? {
            b'"' => self.string()?,
            b'{' | b'[' => self.container().map(|()| false)?,
            _ => self.scalar().map(|()| false)?,
        };
        let json = &self.text[start..self.at];
        Some(Element { json, is_plain })
    }

    fn container(&mut self) -> Option<()> {
        let mut nest = Nest::default();
        loop {
            if self.begin(&mut nest)? {
                continue;
            }
            // A value has ended, and with it perhaps what it stands in.
            loop {
                let Some(object) = nest.innermost() else {
                    return Some(());
                };
                self.space();
                match (self.next()?, object) {
                    (b',', false) => self.space(),
                    (b',', true) => self.key()?,
                    (b'}', true) | (b']', false) => {
                        nest.pop();
                        continue;
                    }
                    _ => return None,
                }
                break;
            }
        }
    }

    /// Takes a value, or the beginning of one that holds others: then it is true that a value follows.
    fn begin(&mut self, nest: &mut Nest) -> Option<bool> {
        let object = match self.peek()? {
            b'{' => true,
            b'[' => false,
            b'"' => return self.string().map(|_| false),
            _ => return self.scalar().map(|()| false),
        };
        self.at += 1;
        self.space();
        if self.peek()? == if object { b'}' } else { b']' } {
            self.at += 1;
            return Some(false);
        }
        nest.push(object);
        if object {
            self.key()?;
        }
        Some(true)
    }

    /// A name and the colon behind it.
    fn key(&mut self) -> Option<()> {
        self.space();
        self.string()?;
        self.colon()
    }

    fn colon(&mut self) -> Option<()> {
        self.space();
        self.expect(b':')?;
        self.space();
        Some(())
    }

    /// Whether it has no escapes.
    fn string(&mut self) -> Option<bool> {
        self.expect(b'"')?;
        let mut is_plain = true;
        loop {
            self.at += plain_len(&self.bytes()[self.at..]);
            match self.next()? {
                b'"' => return Some(is_plain),
                b'\\' => self.escape()?,
                _ => return None,
            }
            is_plain = false;
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => (0..4).try_for_each(|_| self.next().filter(u8::is_ascii_hexdigit).map(drop)),
            _ => None,
        }
    }

    fn scalar(&mut self) -> Option<()> {
        match self.peek()? {
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            _ => self.number(),
        }
    }

    fn literal(&mut self, word: &str) -> Option<()> {
        self.bytes()[self.at..].strip_prefix(word.as_bytes())?;
        self.at += word.len();
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        self.skip_one(b"-");
        if !self.skip_one(b"0") {
            self.digits()?;
        }
        if self.skip_one(b".") {
            self.digits()?;
        }
        if self.skip_one(b"eE") {
            self.skip_one(b"+-");
            self.digits()?;
        }
        Some(())
    }

    /// At least one.
    fn digits(&mut self) -> Option<()> {
        let rest = &self.bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    fn skip_one(&mut self, of: &[u8]) -> bool {
        let found = self.peek().is_some_and(|byte| of.contains(&byte));
        self.at += usize::from(found);
        found
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    const fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }
}

impl Nest {
    fn push(&mut self, object: bool) {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        if word == self.bits.len() {
            self.bits.push(0);
        }
        self.bits[word] = self.bits[word] & !(1 << bit) | u64::from(object) << bit;
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
    }

    /// Whether the innermost one is an object.
    fn innermost(&self) -> Option<bool> {
        let top = self.depth.checked_sub(1)?;
        Some(self.bits[top / 64] >> (top % 64) & 1 == 1)
    }
}
