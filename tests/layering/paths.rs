//! The paths that code names: `crate::a::b`, `super::super::c`, `tokio::sync`, also inside of `use` groups.

use crate::source::{Line, Source};

/// A path as far as it is known, and the line on which it stands.
#[derive(Debug, PartialEq)]
pub struct Path {
    pub segments: Vec<String>,
    pub line: usize,
    pub test: bool,
}

/// All paths of a file. A path is one that follows `use`, or has a `::` in it.
pub fn of(source: &Source) -> Vec<Path> {
    let mut reader = Reader {
        tokens: tokens(source),
        at: 0,
        found: Vec::new(),
    };
    while let Some(token) = reader.peek() {
        if token.text == "use" {
            reader.at += 1;
            reader.tree(&[]);
        } else if token.is_name() && reader.starts_path() {
            reader.tree(&[]);
        } else {
            reader.at += 1;
        }
    }
    reader.found
}

#[derive(Clone, Debug)]
struct Token {
    text: String,
    line: usize,
    test: bool,
}

impl Token {
    fn is_name(&self) -> bool {
        self.text.chars().all(|c| c.is_alphanumeric() || c == '_')
    }
}

fn tokens(source: &Source) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (line, Line { code, test }) in source.numbered() {
        let mut rest = code.as_str();
        while let Some(first) = rest.chars().next() {
            let name = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            let length = match first {
                ':' if rest.starts_with("::") => 2,
                _ => name.max(first.len_utf8()),
            };
            let (text, after) = rest.split_at(length);
            if !text.trim().is_empty() {
                tokens.push(Token {
                    text: text.to_owned(),
                    line,
                    test: *test,
                });
            }
            rest = after;
        }
    }
    tokens
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    found: Vec<Path>,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next_is(&self, text: &str) -> bool {
        self.peek().is_some_and(|token| token.text == text)
    }

    /// The name here is the first of a path: `::` follows it and none precedes it.
    fn starts_path(&self) -> bool {
        let follows = self
            .tokens
            .get(self.at + 1)
            .is_some_and(|token| token.text == "::");
        let before = self.at.checked_sub(1).map(|at| self.tokens[at].text.as_str());
        follows && !matches!(before, Some("::" | "."))
    }

    /// Reads one path or group of paths, below what stands before it.
    fn tree(&mut self, above: &[String]) {
        let mut segments = above.to_vec();
        let (line, test) = self.peek().map_or((0, false), |token| (token.line, token.test));
        while let Some(token) = self.peek().cloned() {
            match token.text.as_str() {
                "::" => self.at += 1,
                "{" if self.at > 0 && (segments.len() > above.len() || self.after_use_or_path()) => {
                    return self.group(&segments);
                }
                _ if token.is_name() || token.text == "*" => {
                    segments.push(token.text);
                    self.at += 1;
                    if !self.next_is("::") {
                        break;
                    }
                }
                _ => break,
            }
        }
        if segments.len() > above.len() {
            self.found.push(Path { segments, line, test });
        } else {
            self.at += 1;
        }
    }

    fn after_use_or_path(&self) -> bool {
        matches!(self.tokens[self.at - 1].text.as_str(), "use" | "::")
    }

    fn group(&mut self, above: &[String]) {
        self.at += 1;
        while let Some(token) = self.peek().cloned() {
            match token.text.as_str() {
                "}" => {
                    self.at += 1;
                    return;
                }
                "," => self.at += 1,
                "as" => self.at += 2,
                _ => self.tree(above),
            }
        }
    }
}
