//! Rust source as far as the layering needs it: lines without comments and literals, and which of them are tests.

use std::{fs, path::Path};

/// A file, read for its imports and its length.
#[derive(Debug)]
pub struct Source {
    /// Relative to the repository, with `/`.
    pub path: String,
    pub lines: Vec<Line>,
}

/// A line without its comments and without what stands in literals.
#[derive(Debug)]
pub struct Line {
    pub code: String,
    /// It belongs to a `#[cfg(test)]` module, or the whole file does.
    pub test: bool,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = blank_out(text);
        let is_test = test_lines(path, &code);
        let lines = code
            .lines()
            .zip(is_test)
            .map(|(code, test)| Line {
                code: code.to_owned(),
                test,
            })
            .collect();
        Self {
            path: path.to_owned(),
            lines,
        }
    }

    /// Every Rust file below `folder`, in the order of their paths.
    pub fn all(root: &Path, folder: &str) -> Vec<Self> {
        let mut found = Vec::new();
        collect(root, &root.join(folder), &mut found);
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    /// The path in the crate: `["packet", "value"]` for `src/packet/value.rs` and `src/packet/value/mod.rs`.
    pub fn module(&self) -> Vec<&str> {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let inside = inside.trim_end_matches(".rs").trim_end_matches("/mod");
        inside.split('/').filter(|name| *name != "lib").collect()
    }

    /// The lines with code, each with its number.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines
            .iter()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "node_modules" && name != "target" && name != "ui" {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("the file is text");
            let relative = path.strip_prefix(root).expect("the file is below the root");
            found.push(Source::new(&relative.to_string_lossy().replace('\\', "/"), &text));
        }
    }
}

/// The text with comments and the insides of literals as spaces, line for line.
fn blank_out(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, kept) = match opaque(rest, code.chars().next_back()) {
            Some(length) => (length, false),
            None => (first.len_utf8(), true),
        };
        let (piece, after) = rest.split_at(length);
        code.extend(piece.chars().map(|c| if kept || c == '\n' { c } else { ' ' }));
        rest = after;
    }
    code
}

/// How long the comment or literal is that starts here.
fn opaque(rest: &str, before: Option<char>) -> Option<usize> {
    let in_a_name = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        Some(rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        Some(block_comment(rest))
    } else if rest.starts_with('"') {
        Some(until_quote(rest, 1, '"'))
    } else if rest.starts_with("r\"") || rest.starts_with("r#") {
        raw_string(rest).filter(|_| !in_a_name || before == Some('b'))
    } else if rest.starts_with('\'') {
        character(rest)
    } else {
        None
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (at, _) in rest.char_indices() {
        if rest[at..].starts_with("/*") {
            depth += 1;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            if depth == 0 {
                return at + 2;
            }
        }
    }
    rest.len()
}

/// The end behind the closing quote, `\` taking the next character along.
fn until_quote(rest: &str, start: usize, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip_while(|(at, _)| *at < start) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest[1..].bytes().take_while(|&byte| byte == b'#').count();
    let start = 1 + hashes;
    rest[start..].starts_with('"').then_some(())?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = rest[start + 1..]
        .find(&end)
        .map_or(rest.len(), |at| start + 1 + at + end.len());
    Some(length)
}

/// A character literal, and not a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inside: Vec<char> = rest.chars().skip(1).take(2).collect();
    match inside[..] {
        ['\\', _] => Some(until_quote(rest, 1, '\'')),
        [c, '\''] => Some(2 + c.len_utf8()),
        _ => None,
    }
}

/// For each line whether it is test code.
fn test_lines(path: &str, code: &str) -> Vec<bool> {
    let whole = path.ends_with("/tests.rs") || path.contains("/tests/") || path.starts_with("tests/");
    let mut marked = vec![whole; code.lines().count()];
    let lines: Vec<&str> = code.lines().collect();
    let mut at = 0;
    while at < lines.len() {
        let length = if lines[at].trim() == "#[cfg(test)]" {
            item_length(&lines[at..])
        } else {
            0
        };
        marked[at..at + length].fill(true);
        at += length.max(1);
    }
    marked
}

/// How many lines the item has that starts here: up to its closing brace, or its semicolon.
fn item_length(lines: &[&str]) -> usize {
    let mut depth = 0_usize;
    for (index, line) in lines.iter().enumerate() {
        for c in line.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 1 => return index + 1,
                '}' => depth -= 1,
                ';' if depth == 0 => return index + 1,
                _ => {}
            }
        }
    }
    lines.len()
}
