//! What there is under `src` and `tests`: test functions, and the names that rustdoc finds public items by.

use std::{collections::HashMap, fs, path::Path};

/// The source of this crate.
#[derive(Debug)]
pub(crate) struct Sources {
    files: HashMap<String, String>,
    /// By name of a function or type: how JS calls it.
    aliases: HashMap<String, Vec<String>>,
}

impl Sources {
    pub(crate) fn read() -> Self {
        let mut files = HashMap::new();
        for folder in ["src", "tests"] {
            read(folder, &mut files);
        }
        let mut aliases = HashMap::new();
        for (_, text) in files.iter().filter(|(path, _)| path.starts_with("src/")) {
            find_aliases(text, &mut aliases);
        }
        Self { files, aliases }
    }

    /// Whether a path as the page has it leads to a function that the test harness runs.
    pub(crate) fn has_test(&self, path: &str) -> bool {
        let Some((module, name)) = path.rsplit_once("::") else {
            return false;
        };
        files_of(module)
            .iter()
            .filter_map(|file| self.files.get(file))
            .any(|text| is_test_in(name, text))
    }

    /// Whether who looks for the name that JS has finds this item.
    pub(crate) fn is_known_as(&self, item: &str, js: &str) -> bool {
        self.aliases
            .get(item)
            .is_some_and(|aliases| plain(item) == plain(js) || aliases.iter().any(|alias| alias == js))
    }
}

fn read(folder: &str, files: &mut HashMap<String, String>) {
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read(&path, files);
        } else if path.ends_with(".rs") {
            files.insert(path, fs::read_to_string(entry.path()).unwrap());
        }
    }
}

/// Where the functions of a module may be. A module `tests` may be within the file of the one around it.
fn files_of(module: &str) -> Vec<String> {
    let (folder, module) = match module.strip_prefix("lib::") {
        Some(within) => ("src", within),
        None => ("tests", module),
    };
    let around = module.strip_suffix("::tests").unwrap_or(module);
    [module, around]
        .iter()
        .flat_map(|module| files_at(&format!("{folder}/{}", module.replace("::", "/"))))
        .collect()
}

fn files_at(path: &str) -> Vec<String> {
    ["", "/mod", "/main"]
        .map(|file| format!("{path}{file}.rs"))
        .to_vec()
}

/// The function is there, with an attribute that makes it a test.
fn is_test_in(name: &str, text: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let signatures = [format!("fn {name}("), format!("async fn {name}(")];
    let at = |line: &&str| signatures.iter().any(|signature| line.starts_with(&**signature));
    let Some(at) = lines.iter().position(at) else {
        return false;
    };
    let before = lines[..at]
        .iter()
        .rev()
        .take_while(|line| !matches!(**line, "" | "}"));
    before
        .copied()
        .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
}

/// Adds the public functions and types of a file, each with its aliases.
fn find_aliases(text: &str, aliases: &mut HashMap<String, Vec<String>>) {
    let mut above = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("#[doc(alias = \"") {
            above.extend(rest.strip_suffix("\")]").map(str::to_owned));
        } else if let Some(name) = public(line) {
            aliases.entry(name.to_owned()).or_default().append(&mut above);
        } else if !line.starts_with(['#', '/']) {
            above.clear();
        }
    }
}

/// The name of the public function or type that begins here.
fn public(line: &str) -> Option<&str> {
    let mut item = line.strip_prefix("pub ")?;
    for word in ["const ", "async "] {
        item = item.strip_prefix(word).unwrap_or(item);
    }
    let item = ["fn ", "struct ", "enum ", "trait "]
        .iter()
        .find_map(|kind| item.strip_prefix(kind))?;
    item.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .next()
}

/// `fetchSockets` and `fetch_sockets` are one name to rustdoc's search.
fn plain(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}
