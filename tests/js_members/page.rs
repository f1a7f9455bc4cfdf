//! The page, read: sections with a table and the block of code below it.

/// A part of the page under its heading.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
    /// The lines of its code that a reader sees.
    pub(crate) code: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) js: String,
    rust: String,
    tests: String,
}

/// The sections that have a table.
pub(crate) fn sections(page: &str) -> Vec<Section> {
    let parts = page.split("\n## ").skip(1).map(section);
    parts.filter(|section| !section.rows.is_empty()).collect()
}

fn section(text: &str) -> Section {
    let table = text.lines().filter(|line| line.starts_with('|'));
    let code = text
        .lines()
        .skip_while(|line| !line.starts_with("```rust"))
        .skip(1)
        .take_while(|line| !line.starts_with("```"));
    Section {
        title: text.lines().next().unwrap_or_default().to_owned(),
        // The head and the line below it are no rows.
        rows: table.skip(2).map(row).collect(),
        code: code
            .filter(|line| !line.starts_with("# "))
            .map(str::to_owned)
            .collect(),
    }
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [js, rust, _, tests] = cells[..] else {
        panic!("a row has four cells: {line}")
    };
    Row {
        js: js.to_owned(),
        rust: rust.to_owned(),
        tests: tests.to_owned(),
    }
}

impl Row {
    /// The member, without what is said of it; `None` if it has no name in JS.
    pub(crate) fn member(&self) -> Option<&str> {
        spans(&self.js).next()
    }

    /// The names of what the Rust spelling calls, and of the types that it names.
    pub(crate) fn names(&self) -> Vec<&str> {
        spans(&self.rust).flat_map(called).collect()
    }

    pub(crate) fn tests(&self) -> Vec<&str> {
        spans(&self.tests).collect()
    }
}

/// What stands between backticks.
fn spans(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The identifiers before `(`, and those before `::`.
fn called(code: &str) -> Vec<&str> {
    let ends = code.match_indices(['(', ':']).map(|(at, _)| &code[..at]);
    ends.filter_map(last_word).collect()
}

/// The identifier at the end of some code, if it ends in one.
pub(crate) fn last_word(code: &str) -> Option<&str> {
    let start = code
        .rfind(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .map_or(0, |before| {
            before + code[before..].chars().next().map_or(0, char::len_utf8)
        });
    (start < code.len()).then(|| &code[start..])
}
